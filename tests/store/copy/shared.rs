//! Files of blobs that two datasets share.

use super::*;

/// Appends a picture; its blob.
fn picture(appender: &mut surgdb::dataset::Appender, id: &str, bytes: &[u8]) -> Address {
    let blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes }).unwrap().address;
    let row = FrameRow { id: id.into(), source: "s".into(), kind: "rgb".into(), ..FrameRow::default() };
    appender.frame(&FrameRow { blob: Some(blob), ..row }).unwrap();
    blob
}

/// The file that the blobs of a dataset are in.
fn blob_file(dataset: &Dataset) -> std::path::PathBuf {
    let [file] = &dataset.manifest().files["blobs"][..] else { panic!("there are several") };
    dataset.path().join(&file.path)
}

#[test]
fn files_of_blobs_that_go_whole_are_shared() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let from = stored(&dir.path().join("from.surgdb"), samples());
    let (to, report) = copy(&from, &new(&dir, "to.surgdb"), &CopyOptions::default()).unwrap();
    let (here, there) = (blob_file(&from).metadata().unwrap(), blob_file(&to).metadata().unwrap());
    let is_second_name = (here.dev(), here.ino()) == (there.dev(), there.ino());
    // Where the file system has reflinks, it is a file of its own.
    assert!(report.shared > 0 && report.shared == report.bytes && (is_second_name || here.len() == there.len()));
    sound(&to);
    let mut symbols = Symbols::default();
    assert_eq!(rows(&from, &mut symbols), rows(&to, &mut symbols));
    // The one lives on where the other ends, and goes on growing.
    std::fs::remove_dir_all(from.path()).unwrap();
    let mut appender = to.append().unwrap();
    let new_blob = appender.blob(BlobSource::Bytes { media_type: "image/png", bytes: b"new" }).unwrap();
    assert!(to.manifest().files["blobs"][0].fragments.iter().all(|part| part.fragment != new_blob.address.fragment()));
    let grown = appender.commit(Operation::new("append")).unwrap();
    sound(&grown);
    assert_eq!(grown.count(Table::Blobs).unwrap(), to.count(Table::Blobs).unwrap() + 1);
}

#[test]
fn files_that_hold_what_is_not_copied_are_not_shared() {
    let dir = tempfile::tempdir().unwrap();
    let from = stored(&dir.path().join("from.surgdb"), samples());
    let (to, report) = copy(&from, &new(&dir, "part.surgdb"), &of_ids(&from, &["instrument recognition"])).unwrap();
    assert_eq!((report.shared, to.count(Table::Blobs).unwrap() < from.count(Table::Blobs).unwrap()), (0, true));
    sound(&to);
    // Into a dataset whose numbers are in use.
    let busy = one(&dir, "busy.surgdb", b"x", None);
    let (after, report) = copy(&from, &busy, &CopyOptions::default()).unwrap();
    assert_eq!(report.shared, 0);
    sound(&after);
    // A deleted row's bytes stay behind.
    let mut appender = Dataset::create(dir.path().join("both.surgdb")).unwrap().append().unwrap();
    let secret = picture(&mut appender, "secret", b"secret picture");
    picture(&mut appender, "other", b"other");
    let both = appender.commit(Operation::new("append")).unwrap();
    let (to, report) = copy(&both, &new(&dir, "both copied.surgdb"), &CopyOptions::default()).unwrap();
    assert_eq!((to.count(Table::Blobs).unwrap(), report.shared), (2, 19));
    let mut appender = both.append().unwrap();
    appender.delete(both.find(Table::Frames, "secret").unwrap().unwrap()).unwrap();
    let rest = appender.commit(Operation::new("delete")).unwrap();
    assert_eq!(rest.count(Table::Blobs).unwrap(), 2);
    // Its blob is there, and nothing shows it; then it is deleted too.
    let mut appender = rest.append().unwrap();
    appender.delete(secret).unwrap();
    let less = appender.commit(Operation::new("delete")).unwrap();
    for (from, name, unshown) in [(&rest, "unshown.surgdb", 1), (&less, "rest.surgdb", 0)] {
        let (to, report) = copy(from, &new(&dir, name), &CopyOptions::default()).unwrap();
        assert_eq!((to.count(Table::Blobs).unwrap(), report.shared, report.unshown), (1, 0, unshown));
        assert!(!std::fs::read(blob_file(&to)).unwrap().windows(6).any(|window| window == b"secret"));
        sound(&to);
    }
    // A file that is wanted whole is shared, though another of its table is not.
    let alone = one(&dir, "alone.surgdb", b"secret picture", None);
    let frame = alone.address(Table::Frames, 0).unwrap();
    let blob = alone.frame(frame).unwrap().blob().unwrap().unwrap();
    let mut kept = alone.append().unwrap();
    kept.blob(BlobSource::Bytes { media_type: "image/png", bytes: b"other" }).unwrap();
    let alone = kept.commit(Operation::new("append")).unwrap();
    let selection = Selection::of(&alone, Table::Blobs, [blob]).unwrap();
    let rest = alone.select(Table::Blobs, &Filter::all()).unwrap();
    assert_eq!((selection.len(), rest.len()), (1, 2));
    let options = CopyOptions { selection: Some(selection), ..CopyOptions::default() };
    let (to, report) = copy(&alone, &new(&dir, "blob.surgdb"), &options).unwrap();
    assert_eq!((to.count(Table::Blobs).unwrap(), report.shared), (1, 14));
    let path = blob_file(&to);
    assert!(!std::fs::read(path).unwrap().windows(5).any(|window| window == b"other"));
}

#[test]
fn a_symbolic_link_in_place_of_a_file_of_blobs_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let from = stored(&dir.path().join("from.surgdb"), samples());
    let (file, elsewhere) = (blob_file(&from), dir.path().join("elsewhere.arrow"));
    std::fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let from = Dataset::open(from.path()).unwrap();
    let (to, _) = copy(&from, &new(&dir, "to.surgdb"), &CopyOptions::default()).unwrap();
    let mut symbols = Symbols::default();
    let all = rows(&from, &mut symbols);
    // What the link leads to belongs to somebody else, who may remove it or write to it.
    std::fs::write(&elsewhere, "something else").unwrap();
    for file in to.manifest().files["blobs"].iter().map(|file| to.path().join(&file.path)) {
        assert!(file.symlink_metadata().unwrap().is_file(), "{file:?}");
    }
    sound(&to);
    assert_eq!(all, rows(&to, &mut symbols));
}
