//! What the guest may open in the directory that it is lent: files and directories, and nothing else.
//!
//! A named pipe, a device or a socket holds up whoever opens or reads it for as long as nobody is at its other end.
//! A file is read and written at once, and where [`super::Run::inline_files`] is set by the very thread that minds
//! deadlines and interrupts.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::WasiFilesystemView as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
};

use super::guest::Guest;

/// As wasmtime-wasi 48 names it; the test of a pipe fails where that changes.
pub(super) const INTERFACE: &str = "wasi:filesystem/types@0.2.12";

type Opening = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

/// Replaces `open-at`. The linker must allow shadowing.
pub(super) fn open_files_alone(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(INTERFACE)?.func_wrap_async("[method]descriptor.open-at", |mut store, opening: Opening| {
        Box::new(async move { Ok((open(store.data_mut(), opening).await?,)) })
    })
}

async fn open(
    guest: &mut Guest,
    (directory, path_flags, path, open_flags, flags): Opening,
) -> wasmtime::Result<Result<Resource<Descriptor>, ErrorCode>> {
    let mut files = guest.filesystem();
    // A handle for one look at what it stands for; the guest keeps its own.
    let same = Resource::new_borrow(directory.rep());
    // What cannot be looked at is for the opening itself to say: most often it is yet to be made.
    if let Ok(about) = files.stat_at(same, path_flags, path.clone()).await
        && !matches!(
            about.type_,
            DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink
        )
    {
        return Ok(Err(ErrorCode::Unsupported));
    }
    match files.open_at(directory, path_flags, path, open_flags, flags).await {
        Ok(opened) => Ok(Ok(opened)),
        Err(error) => Ok(Err(error.downcast()?)),
    }
}
