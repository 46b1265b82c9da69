//! What can be loaded, what is said of the rest, and what it costs.

use std::time::Instant;

use host_harness::{CompileCache, Engine, EngineOptions, LoadError};

use crate::support::{connector, engine, guest, run};

#[test]
fn what_is_not_a_component_is_told_apart() {
    let engine = engine();
    assert!(matches!(engine.load("/nowhere/guest.wasm"), Err(LoadError::Missing { .. })));
    assert!(matches!(engine.load("/"), Err(LoadError::Unreadable { .. })));
    let whole = std::fs::read(guest()).unwrap();
    for (bytes, words) in [
        (&b""[..], "empty"),
        (b"hello", "text"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"\x7fELF\x02", "program"),
        (b"\xff\xfe\x00", "first bytes"),
        (&whole[..whole.len() / 2], "not a WebAssembly component"),
    ] {
        let told = engine.load_bytes(bytes).unwrap_err();
        assert!(matches!(told, LoadError::NotAComponent { .. }), "{told:?}");
        assert!(told.to_string().contains(words), "{told}");
    }
}

/// The smallest component there is: a header.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

#[test]
fn a_component_without_the_contract_hears_what_it_lacks() {
    let told = engine().load_bytes(EMPTY).unwrap_err().to_string();
    assert!(
        told.contains("ipaas:connector/catalog@0.1.0") && told.contains("ipaas:connector/triggers@0.1.0"),
        "{told}"
    );
}

#[test]
fn another_version_of_the_contract_is_named() {
    let mut bytes = std::fs::read(guest()).unwrap();
    let (ours, theirs) = (b"ipaas:connector/catalog@0.1.0", b"ipaas:connector/catalog@0.7.0");
    while let Some(at) = bytes.windows(ours.len()).position(|window| window == ours) {
        bytes[at..at + ours.len()].copy_from_slice(theirs);
    }
    let told = engine().load_bytes(bytes).unwrap_err();
    assert!(matches!(told, LoadError::LacksContract { .. }), "{told:?}");
    assert!(told.to_string().contains("it has version 0.7.0"), "{told}");
}

#[test]
fn an_import_beside_wasi_is_named() {
    // (component (import "acme:clock/now@1.0.0" (instance)))
    let name = b"acme:clock/now@1.0.0";
    let mut bytes = EMPTY.to_vec();
    bytes.extend([7, 3, 1, 0x42, 0]);
    bytes.extend([10, u8::try_from(name.len() + 5).unwrap(), 1, 0, u8::try_from(name.len()).unwrap()]);
    bytes.extend(name);
    bytes.extend([5, 0]);
    let told = engine().load_bytes(bytes).unwrap_err();
    assert!(matches!(&told, LoadError::ForeignImports { imports } if imports == &["acme:clock/now@1.0.0"]), "{told:?}");
}

#[tokio::test]
async fn a_second_load_comes_from_the_cache() {
    let directory = tempfile::tempdir().unwrap();
    let load = || {
        let cache = CompileCache::In(directory.path().to_owned());
        let engine = Engine::with_options(EngineOptions { cache, ..EngineOptions::default() }).unwrap();
        let start = Instant::now();
        let connector = engine.load(guest()).unwrap();
        (connector, start.elapsed())
    };
    let (first, second) = (load().1, load());
    eprintln!("compiled in {first:?}, loaded from the cache in {:?}", second.1);
    assert!(second.1 < first, "{:?} after {first:?}", second.1);
    second.0.describe(&run()).await.unwrap();
}

#[tokio::test]
async fn a_fresh_instance_for_each_call_is_cheap() {
    const CALLS: u32 = 2_000;
    let (connector, run) = (connector(), run());
    let start = Instant::now();
    for _ in 0..CALLS {
        connector
            .poll(&run, &crate::support::connection(), &crate::support::call(), "polls", "{}", None)
            .await
            .unwrap();
    }
    let each = start.elapsed() / CALLS;
    eprintln!("instance and call: {each:?}");
    // Some fifty times what it takes: a bound that tells a broken pool from a busy machine.
    assert!(each.as_millis() < 10, "{each:?}");
}
