//! Packs the long texts that the component holds into one zip: a third of what they are.
//!
//! Each form and each resource is an entry of its own, since a call needs its own alone.

use std::io::{Cursor, Write};
use std::path::Path;
use std::{env, error, fs};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const FORMS: &str = "src/forms/written.txt";
const RESOURCES: &str = "resources";
const TEXTS: [&str; 6] = [
    "src/fusion/access.txt",
    "src/fusion/directory/duties.txt",
    "src/fusion/erp/options.txt",
    "src/fusion/fbdi/layouts.txt",
    "src/fusion/modules.txt",
    "src/fusion/report/codes.txt",
];

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(9));
    let mut add = |name: &str, text: &str| -> Result<(), Box<dyn error::Error>> {
        zip.start_file(name, options)?;
        Ok(zip.write_all(text.as_bytes())?)
    };
    for path in TEXTS {
        println!("cargo::rerun-if-changed={path}");
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).ok_or("a text without a name")?;
        add(name, &fs::read_to_string(path)?)?;
    }
    println!("cargo::rerun-if-changed={RESOURCES}");
    let mut resources = fs::read_dir(RESOURCES)?.collect::<Result<Vec<_>, _>>()?;
    // Folders list their files in no order; the same sources make the same component.
    resources.sort_by_key(fs::DirEntry::file_name);
    for file in resources {
        let path = file.path();
        let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a resource without a name")?;
        add(&format!("resource {name}"), &fs::read_to_string(&path)?)?;
    }
    println!("cargo::rerun-if-changed={FORMS}");
    for line in fs::read_to_string(FORMS)?.lines() {
        let (name, form) = line.split_once('\t').ok_or("a form without a name")?;
        add(name, form)?;
    }
    let packed = zip.finish()?.into_inner();
    let out = env::var_os("OUT_DIR").ok_or("cargo gives no OUT_DIR")?;
    Ok(fs::write(Path::new(&out).join("texts.zip"), packed)?)
}
