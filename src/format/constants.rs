//! Every name, number and size that the format fixes, once each. `tests/spec.rs` holds them against FORMAT.md.

/// The version of the format that this build writes, as it stands in manifests and files.
pub const FORMAT_VERSION: &str = "0.3";

/// Features of the format that this build knows. A reader that meets another one refuses, by name.
pub const KNOWN_FEATURES: &[&str] = &[];

/// The ending of a dataset's folder, by convention.
pub const DATASET_ENDING: &str = "surgdb";

/// The names of the tables, each the folder of its base files; those that others refer to first.
pub const TABLES: [&str; 6] = ["blobs", "cases", "videos", "frames", "annotations", "conversations"];

/// The folder of the manifests.
pub const VERSIONS_DIR: &str = "versions";
/// The folder of the file numbers that writers at work have taken.
pub const CLAIMS_DIR: &str = "claims";
/// The folder of side columns.
pub const COLUMNS_DIR: &str = "columns";
/// The folder of index runs.
pub const INDEX_DIR: &str = "index";
/// The folder of deletions.
pub const DELETIONS_DIR: &str = "deletions";
/// The folder of import reports and vocabularies.
pub const REPORTS_DIR: &str = "reports";

/// How many digits a version's number has in its file's name.
pub const VERSION_DIGITS: usize = 10;
/// The largest number of a version: as many nines as a name has digits.
pub const VERSION_MAX: u64 = 9_999_999_999;
/// The most bytes of a manifest: more than one has that names a file for each number. It bounds what a reader allocates for
/// a hostile one.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 29;
/// How many digits a file's number has in its name.
pub const FILE_DIGITS: usize = 6;
/// The ending of a data file's name.
pub const DATA_ENDING: &str = "arrow";

/// How many low bits of an address are the row.
pub const ROW_BITS: u32 = 32;
/// The largest fragment's number: 2²¹−1, so that an address stays below 2⁵³.
pub const FRAGMENT_MAX: u32 = (1 << 21) - 1;

/// The magic at both ends of an Arrow IPC file.
pub const ARROW_MAGIC: &[u8; 6] = b"ARROW1";
/// The bytes of a file before its first message: the magic and two zero bytes.
pub const HEAD_LEN: u64 = 8;
/// What stands after the last message and before the footer: a continuation mark and a zero length.
pub const END_MARK: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
/// What stands after the footer: its length (4 bytes) and the magic.
pub const TAIL_LEN: u64 = 10;
/// Every buffer starts at a multiple of this many bytes from the start of the file.
pub const ALIGNMENT: usize = 64;

/// Footer metadata: the format's version.
pub const META_FORMAT: &str = "surgdb.format";
/// Footer metadata: what the file holds: a table's name, or one of the `KIND_` constants.
pub const META_KIND: &str = "surgdb.kind";
/// Footer metadata: the row starts of the record batches, and the number of rows last: `u64`, little-endian, base64.
pub const META_ROW_STARTS: &str = "surgdb.row_starts";
/// Footer metadata: the CRC-32 of each segment, in the file's order: `u32`, little-endian, base64.
pub const META_SEGMENTS: &str = "surgdb.segments";
/// Footer metadata: the fragments of the file in physical order, as `number:rows`, separated by blanks.
pub const META_FRAGMENTS: &str = "surgdb.fragments";
/// Footer metadata: runs of rows of the file that were emptied, the first and one past the last of each: `u64`,
/// little-endian, base64; absent where none was.
pub const META_EMPTIED: &str = "surgdb.emptied";

/// What [`META_KIND`] says of a side column's file; of a base file it says the table's name.
pub const KIND_COLUMN: &str = "column";
/// What [`META_KIND`] says of an index run.
pub const KIND_INDEX: &str = "index";
/// What [`META_KIND`] says of a deletions file.
pub const KIND_DELETIONS: &str = "deletions";
/// What `surgdb.kind` says of a saved selection.
pub const KIND_SELECTION: &str = "selection";
/// Schema metadata of a saved selection: what was selected, as JSON.
pub const META_SELECTION: &str = "surgdb.selection";

/// A compressed buffer may be this many times larger than its compressed bytes, plus [`INFLATE_SLACK`]; a writer
/// stores a buffer that compresses better as it is. It bounds what a reader allocates for a hostile file.
pub const INFLATE_MAX: u64 = 512;
/// See [`INFLATE_MAX`].
pub const INFLATE_SLACK: u64 = 4096;

/// The most bytes that a value of a column's type may take by itself, the items of lists and the bytes of texts left
/// out: a `fixed_size_list<float32, N>` has at most 16,384 items.
pub const VALUE_BYTES_MAX: u64 = 1 << 16;

/// What the names of columns begin with that later versions of the format add.
pub const COLUMN_RESERVED: &str = "surgdb.";

/// How many bytes an id's digest gives to its key in the index.
pub const KEY_LEN: usize = 8;
/// How many bytes of BLAKE3 the `record` column holds.
pub const RECORD_LEN: usize = 8;
/// How many bytes a blob's digest has (BLAKE3).
pub const DIGEST_LEN: usize = 32;
