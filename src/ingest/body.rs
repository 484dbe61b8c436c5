//! What a POST body is: its format, its compression and how large it may get.
//!
//! Owns content types, content encodings and the errors of a body as a whole. Decompression is
//! bounded by the size of the result, not of what was sent, and by the window that a stream may
//! ask for. Must not know what the body means, nor HTTP beyond the two header values.

use std::borrow::Cow;
use std::io::Read;

/// Largest zstd window: 2²³ bytes = 8 MiB, what RFC 8878 recommends every decoder to support.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How the items of a body are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object, or an array of objects.
    Json,
    /// One JSON object a line.
    NdJson,
}

impl Format {
    /// The format that a Content-Type header declares; none at all means JSON.
    pub fn from_content_type(header: Option<&str>) -> Result<Self, BodyError> {
        let Some(header) = header else { return Ok(Self::Json) };
        // Parameters such as `charset=utf-8` say nothing new: JSON is UTF-8.
        let essence = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "" | "application/json" => Ok(Self::Json),
            "application/x-ndjson" | "application/ndjson" => Ok(Self::NdJson),
            _ => Err(BodyError::UnsupportedType),
        }
    }
}

/// Why a body as a whole was not taken; nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The content type is none of ours (415).
    #[error(
        "this content type is not supported: send `Content-Type: application/json` for one object or an array, \
         or `application/x-ndjson` for one object a line"
    )]
    UnsupportedType,
    /// The content encoding is none of ours (415).
    #[error("this content encoding is not supported: send `Content-Encoding: gzip` or `zstd`, one of them, or none")]
    UnsupportedEncoding,
    /// The body is too large after decompression (413).
    #[error("the body is larger than {limit} bytes after decompression: send it in smaller batches")]
    TooLarge {
        /// The most bytes that are taken.
        limit: usize,
    },
    /// The body holds too many items (413).
    #[error("the body holds more than {limit} items: send it in smaller batches")]
    TooManyItems {
        /// The most items that are taken.
        limit: usize,
    },
    /// The compressed stream is truncated or corrupt, or asks for too much memory (400).
    #[error("the body can't be decompressed as {encoding} ({reason}): nothing was taken")]
    Corrupt {
        /// The declared encoding.
        encoding: &'static str,
        /// What the decompressor says.
        reason: String,
    },
    /// The body is not JSON (400).
    #[error("the body is not readable at line {line}, column {column}: {reason}")]
    Unreadable {
        /// Line of the first mistake, from 1.
        line: usize,
        /// Column of the first mistake, from 1; 0 when it is the end of the line before.
        column: usize,
        /// What is wrong and what to send instead.
        reason: String,
    },
}

impl BodyError {
    /// The stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedType => "unsupported_content_type",
            Self::UnsupportedEncoding => "unsupported_content_encoding",
            Self::TooLarge { .. } => "body_too_large",
            Self::TooManyItems { .. } => "too_many_items",
            Self::Corrupt { .. } => "corrupt_body",
            Self::Unreadable { .. } => "unreadable_body",
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::UnsupportedType | Self::UnsupportedEncoding => 415,
            Self::TooLarge { .. } | Self::TooManyItems { .. } => 413,
            Self::Corrupt { .. } | Self::Unreadable { .. } => 400,
        }
    }
}

/// The body without its compression, at most `limit` bytes. Uncompressed bodies are not copied.
///
/// Memory stays below the limit plus the decompressor's window, whatever was sent.
pub fn decode<'a>(body: &'a [u8], encoding: Option<&str>, limit: usize) -> Result<Cow<'a, [u8]>, BodyError> {
    let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" if body.len() > limit => Err(BodyError::TooLarge { limit }),
        "" | "identity" => Ok(Cow::Borrowed(body)),
        "gzip" | "x-gzip" => bounded(flate2::bufread::MultiGzDecoder::new(body), "gzip", limit),
        "zstd" => {
            let corrupt = |error: std::io::Error| BodyError::Corrupt { encoding: "zstd", reason: error.to_string() };
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
            bounded(decoder, "zstd", limit)
        }
        _ => Err(BodyError::UnsupportedEncoding),
    }
}

/// Reads all of a decompressor, but stops one byte past the limit.
fn bounded(decoder: impl Read, encoding: &'static str, limit: usize) -> Result<Cow<'static, [u8]>, BodyError> {
    let mut plain = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let corrupt = |error: std::io::Error| BodyError::Corrupt { encoding, reason: error.to_string() };
    decoder.take(most).read_to_end(&mut plain).map_err(corrupt)?;
    if plain.len() > limit {
        return Err(BodyError::TooLarge { limit });
    }
    Ok(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(plain: &[u8]) -> Vec<u8> {
        zstd::encode_all(plain, 3).unwrap()
    }

    #[test]
    fn content_types() {
        for (header, format) in [
            (None, Ok(Format::Json)),
            (Some(""), Ok(Format::Json)),
            (Some("application/json"), Ok(Format::Json)),
            (Some("Application/JSON; charset=utf-8"), Ok(Format::Json)),
            (Some("application/x-ndjson"), Ok(Format::NdJson)),
            (Some(" application/ndjson ;x=y"), Ok(Format::NdJson)),
            (Some("text/plain"), Err(BodyError::UnsupportedType)),
            (Some("application/jsonp"), Err(BodyError::UnsupportedType)),
        ] {
            assert_eq!(Format::from_content_type(header), format, "{header:?}");
        }
    }

    #[test]
    fn every_encoding_gives_the_body_back() {
        let plain = b"{\"id\":\"1\"}\n".repeat(500);
        let two_members = [gzip(&plain), gzip(&plain)].concat();
        let two_frames = [zstd(&plain), zstd(&plain)].concat();
        let twice = plain.repeat(2);
        for (body, encoding, expected) in [
            (&plain, None, &plain),
            (&plain, Some("identity"), &plain),
            (&gzip(&plain), Some("gzip"), &plain),
            (&gzip(&plain), Some(" X-GZIP "), &plain),
            (&two_members, Some("gzip"), &twice),
            (&zstd(&plain), Some("zstd"), &plain),
            (&two_frames, Some("zstd"), &twice),
        ] {
            assert_eq!(decode(body, encoding, twice.len()).unwrap(), expected.as_slice(), "{encoding:?}");
        }
        assert_eq!(decode(&plain, Some("br"), 1 << 20), Err(BodyError::UnsupportedEncoding));
        assert_eq!(decode(&plain, Some("gzip, zstd"), 1 << 20), Err(BodyError::UnsupportedEncoding));
    }

    #[test]
    fn the_limit_holds_for_what_comes_out() {
        let plain = vec![b' '; 1_000_000];
        for (body, encoding) in [(plain.clone(), None), (gzip(&plain), Some("gzip")), (zstd(&plain), Some("zstd"))] {
            assert_eq!(decode(&body, encoding, 999_999), Err(BodyError::TooLarge { limit: 999_999 }), "{encoding:?}");
            assert_eq!(decode(&body, encoding, 1_000_000).unwrap().len(), 1_000_000, "{encoding:?}");
        }
    }

    #[test]
    fn a_zstd_window_beyond_the_limit_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(ZSTD_WINDOW_LOG_MAX + 1).unwrap();
        encoder.write_all(&vec![b'x'; 1000]).unwrap();
        let body = encoder.finish().unwrap();
        assert_eq!(decode(&body, Some("zstd"), 1 << 30).unwrap_err().code(), "corrupt_body");
    }

    #[test]
    fn truncated_and_corrupt_streams_are_errors() {
        let plain: Vec<u8> = (0..20_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for (body, encoding) in [(gzip(&plain), "gzip"), (zstd(&plain), "zstd")] {
            for cut in [0, 1, 5, body.len() / 2, body.len() - 1] {
                let error = decode(&body[..cut], Some(encoding), 1 << 20).unwrap_err();
                assert_eq!(error.code(), "corrupt_body", "{encoding} cut at {cut}");
            }
            let mut broken = body.clone();
            broken[0] ^= 0xff;
            let error = decode(&broken, Some(encoding), 1 << 20).unwrap_err();
            assert_eq!((error.code(), error.status()), ("corrupt_body", 400));
            assert!(error.to_string().contains(encoding), "{error}");
        }
        assert!(decode(&[gzip(b"x"), b"rest".to_vec()].concat(), Some("gzip"), 1 << 20).is_err());
    }
}
