//! Zip archives that the pod writes: logs, reports, exports.
//!
//! Owns the format's few records (PKWARE APPNOTE 4.3) for archives below 4 GiB. Opens none: loading what others zipped
//! is [`crate::fbdi`]'s.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// 1980-01-01, the format's first day: the archive of the same entries is the same.
const DAY: u16 = 0x21;
const DEFLATED: u16 = 8;
const NEEDED: u16 = 20;
/// Names are UTF-8.
const FLAGS: u16 = 0x0800;

/// An archive of the entries, in their order.
pub(crate) fn archive<'e>(entries: impl IntoIterator<Item = (&'e str, &'e [u8])>) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for (name, content) in entries {
        let mut crc = Crc::new();
        crc.update(content);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        // Writing into memory cannot fail.
        let packed = encoder.write_all(content).and_then(|()| encoder.finish()).unwrap_or_default();
        let offset = long(out.len());
        let mut common = Vec::new();
        for short in [NEEDED, FLAGS, DEFLATED, 0, DAY] {
            common.extend(short.to_le_bytes());
        }
        for long in [crc.sum(), long(packed.len()), long(content.len())] {
            common.extend(long.to_le_bytes());
        }
        common.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(packed);
        directory.extend(b"PK\x01\x02");
        directory.extend(NEEDED.to_le_bytes());
        directory.extend(common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
        count = count.saturating_add(1);
    }
    let start = long(out.len());
    let size = long(directory.len());
    out.extend(directory);
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

fn long(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn an_entry_is_packed_behind_its_name() {
        let text = "a line of a log\n".repeat(100);
        let zip = archive([("1.log", text.as_bytes()), ("é.txt", b"")]);
        // The count at the end.
        assert_eq!(zip[zip.len() - 12..][..2], [2, 0]);
        assert_eq!(&zip[..4], b"PK\x03\x04");
        let mut unpacked = String::new();
        flate2::read::DeflateDecoder::new(&zip[30 + 5..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }
}
