//! gzip of answers and of bodies sent (FACTS 1.2).

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::{HeaderMap, header};

/// The largest body that is taken, unpacked: the framework's own guidance is 5 MB (FACTS 1.12), a bulk import's
/// file is up to 250 MB in base64.
pub(crate) const MAX_BODY: usize = 384 * 1024 * 1024;

/// Answers smaller than this go plain.
const WORTH_PACKING: usize = 1024;

/// Whether the client takes gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let name = pieces.next().unwrap_or_default();
        let refused = pieces
            .any(|piece| piece.strip_prefix("q=").is_some_and(|quality| quality.trim_matches(['0', '.']).is_empty()));
        (name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip")) && !refused
    })
}

/// Packs a body; none where it is not worth it.
pub(crate) fn pack(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() < WORTH_PACKING {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// Unpacks a body that was sent; none where it is not gzip or too large.
pub(crate) fn unpack(body: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(MAX_BODY).ok()?;
    let read = GzDecoder::new(body).take(limit.saturating_add(1)).read_to_end(&mut unpacked).ok()?;
    (read <= MAX_BODY).then_some(unpacked)
}
