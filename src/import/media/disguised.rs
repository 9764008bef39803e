//! What a file is that was named as a picture and is none, by how it starts, and what to do about it.

/// How many bytes tell.
pub(super) const HEAD: usize = 512;

/// What the first bytes of a file that is no picture say; `path` is what it is called.
pub(super) fn what_it_is(head: &[u8]) -> String {
    let found = KNOWN.iter().find(|known| head.get(known.at..).is_some_and(|rest| rest.starts_with(known.bytes)));
    let is_still = head.get(8..).is_some_and(|brand| STILLS.iter().any(|still| brand.starts_with(still)));
    match found {
        Some(Known { bytes: b"ftyp", .. }) if is_still => "it is a HEIF picture: make it a PNG or JPEG".to_owned(),
        _ if head.is_empty() => "it is empty: copy it again from where it came from".to_owned(),
        Some(known) => format!("it is no picture but {}: {}", known.what, known.remedy),
        None if is_markup(head) => {
            "it is no picture but a web page, as a download that failed leaves it: fetch it again".to_owned()
        }
        None if is_text(head) => {
            "it is no picture but text: correct the path, or put the picture in its place".to_owned()
        }
        None => {
            let start: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!(
                "it does not start as a picture does, but with the bytes {}: make it a PNG or JPEG, or copy it again",
                start.join(" ")
            )
        }
    }
}

/// How a file of some kind starts.
struct Known {
    at: usize,
    bytes: &'static [u8],
    what: &'static str,
    remedy: &'static str,
}

const AS_VIDEO: &str = "name it as a video (`video`, `videos`), or take single pictures out of it";
const PICTURES: &str = "export its pictures as PNG or JPEG, and name those";
const UNPACK: &str = "unpack it, and name the pictures";

const KNOWN: [Known; 12] = [
    Known { at: 4, bytes: b"ftyp", what: "a video (MP4 or QuickTime)", remedy: AS_VIDEO },
    Known { at: 4, bytes: b"moov", what: "a video (QuickTime)", remedy: AS_VIDEO },
    Known { at: 0, bytes: b"\x1a\x45\xdf\xa3", what: "a video (Matroska or WebM)", remedy: AS_VIDEO },
    Known { at: 8, bytes: b"AVI ", what: "a video (AVI)", remedy: AS_VIDEO },
    Known { at: 0, bytes: b"\0\0\x01\xba", what: "a video (MPEG)", remedy: AS_VIDEO },
    Known { at: 0, bytes: b"\0\0\x01\xb3", what: "a video (MPEG)", remedy: AS_VIDEO },
    Known { at: 128, bytes: b"DICM", what: "a DICOM file", remedy: PICTURES },
    Known { at: 0, bytes: b"%PDF", what: "a PDF", remedy: PICTURES },
    Known { at: 0, bytes: b"\x93NUMPY", what: "an array of NumPy", remedy: PICTURES },
    Known { at: 0, bytes: b"PK\x03\x04", what: "a ZIP archive", remedy: UNPACK },
    Known { at: 0, bytes: b"\x1f\x8b", what: "a file that gzip has packed", remedy: UNPACK },
    Known {
        at: 0,
        bytes: b"version https://git-lfs",
        what: "what Git LFS leaves in place of a file",
        remedy: "fetch it with `git lfs pull`",
    },
];

/// How the brands of files begin that hold pictures as videos do.
const STILLS: [&[u8]; 5] = [b"mif", b"msf", b"hei", b"hev", b"avi"];

fn is_markup(head: &[u8]) -> bool {
    let text = head.trim_ascii_start().to_ascii_lowercase();
    [&b"<!doctype html"[..], b"<html"].iter().any(|start| text.starts_with(start))
}

fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A character may have been cut.
        Err(error) if error.valid_up_to() + 3 >= head.len() => {
            std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_pictures_are_called_what_they_are() {
        let dicom = [&[0; 128][..], b"DICM"].concat();
        for (head, what) in [
            (&b"\0\0\0\x18ftypisom"[..], "a video (MP4"),
            (b"\0\0\0\x18ftypmif1", "a HEIF picture"),
            (b"RIFF\x10\0\0\0AVI LIST", "a video (AVI)"),
            (&dicom, "a DICOM file: export its pictures"),
            (b"version https://git-lfs.github.com/spec/v1\n", "`git lfs pull`"),
            (b"\n<!DOCTYPE HTML>", "a web page"),
            (b"{\"a\": \"\xc3", "text"),
            (b"", "it is empty"),
            (b"\xff\0\x10", "with the bytes ff 00 10"),
        ] {
            assert!(what_it_is(head).contains(what), "{}", what_it_is(head));
        }
    }
}
