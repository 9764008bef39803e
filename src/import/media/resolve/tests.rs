//! Paths on small disks that are made on the spot.

use super::*;

struct Disk(tempfile::TempDir);

impl Disk {
    fn new(files: &[&str]) -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        for file in files {
            let path = disk.0.path().join("root").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        disk
    }

    fn find(&self, written: &str) -> std::result::Result<String, String> {
        let root = self.0.path().join("root");
        match Roots::new([root.as_path()]).resolve(&Wanted::new(written)) {
            Resolved::File { path, respelled, .. } => {
                let real = root.canonicalize().unwrap();
                let inside = path.strip_prefix(real).unwrap().to_str().unwrap().to_owned();
                Ok(if respelled.is_some() { format!("respelled {inside}") } else { inside })
            }
            Resolved::Missing(reason) => Err(format!("missing: {reason}")),
            Resolved::Outside(reason) => Err(format!("outside: {reason}")),
            Resolved::Remote(reason) => Err(format!("remote: {reason}")),
        }
    }
}

#[test]
fn a_path_is_found_however_it_is_written() {
    let disk = Disk::new(&["a b/x [1].png", "50%/é.png", "c%20d.png"]);
    for written in
        ["a b/x [1].png", "./a b//x [1].png", "a b\\x [1].png", "a b/../a b/x [1].png", "file://a%20b/x%20%5B1%5D.png"]
    {
        assert_eq!(disk.find(written).unwrap(), "a b/x [1].png", "{written}");
    }
    assert_eq!(disk.find("a%20b/x%20%5b1%5d.png").unwrap(), "respelled a b/x [1].png");
    assert_eq!(disk.find("A B/X [1].PNG").unwrap(), "respelled a b/x [1].png");
    assert_eq!(disk.find("50%/é.png").unwrap(), "50%/é.png");
    assert_eq!(disk.find("50%/e\u{301}.PNG").unwrap(), "respelled 50%/é.png");
    assert_eq!(disk.find("c%20d.png").unwrap(), "c%20d.png");
    let absolute = disk.0.path().join("root/c%20d.png");
    assert_eq!(disk.find(absolute.to_str().unwrap()).unwrap(), "c%20d.png");
    assert_eq!(Wanted::new("a\\.\\b.png").id, "a/b.png");
}

#[test]
fn nothing_outside_the_root_is_taken() {
    let disk = Disk::new(&["in/x.png"]);
    fs::write(disk.0.path().join("secret.png"), b"s").unwrap();
    let root = disk.0.path().join("root");
    std::os::unix::fs::symlink(disk.0.path().join("secret.png"), root.join("link.png")).unwrap();
    std::os::unix::fs::symlink(disk.0.path(), root.join("up")).unwrap();
    std::os::unix::fs::symlink(root.join("in/x.png"), root.join("fine.png")).unwrap();
    std::os::unix::fs::symlink("nowhere", root.join("dead.png")).unwrap();
    let secret = disk.0.path().join("secret.png");
    for written in [
        "../secret.png",
        "in/../../secret.png",
        "..\\secret.png",
        secret.to_str().unwrap(),
        "link.png",
        "up/secret.png",
        "file:///etc/passwd",
        "C:\\x.png",
    ] {
        assert!(disk.find(written).unwrap_err().starts_with("outside"), "{written}: {:?}", disk.find(written));
    }
    assert!(disk.find("%2e%2e/secret.png").unwrap_err().starts_with("missing"));
    assert_eq!(disk.find("fine.png").unwrap(), "in/x.png");
    assert!(disk.find("dead.png").unwrap_err().contains("leads nowhere"));
    assert!(disk.find("https://x.org/a.png").unwrap_err().starts_with("remote"));
}

#[test]
fn a_path_of_another_machine_is_found_by_its_end_alone() {
    let disk = Disk::new(&["c80/V1/1.png", "V2/1.png", "1.png"]);
    let find = |written: &str| disk.find(written);
    assert_eq!(find("/mnt/data/c80/V1/1.png").unwrap(), "respelled c80/V1/1.png");
    assert_eq!(find("D:\\data\\V2\\1.png").unwrap(), "respelled V2/1.png");
    assert_eq!(find("/mnt/root/1.png").unwrap(), "respelled 1.png", "the root is called as its folder");
    let error = find("/mnt/V1/1.png").unwrap_err();
    assert!(error.starts_with("outside") && error.contains("holds \"V1/1.png\""), "{error}");
    std::os::unix::fs::symlink(disk.0.path(), disk.0.path().join("root/up")).unwrap();
    fs::write(disk.0.path().join("secret.png"), b"s").unwrap();
    assert!(find("/mnt/up/secret.png").unwrap_err().starts_with("outside"));
    assert!(find("/mnt/../c80/../../secret.png").unwrap_err().starts_with("outside"));
    let real = disk.0.path().canonicalize().unwrap();
    fs::create_dir(real.join("V2")).unwrap();
    fs::write(real.join("V2/1.png"), b"s").unwrap();
    let there = real.join("V2/1.png");
    let error = find(there.to_str().unwrap()).unwrap_err();
    assert!(error.contains("lets it in"), "what is there is another file: {error}");
}

#[test]
fn two_ends_of_a_path_are_none() {
    let disk = Disk::new(&["a/V1/1.png", "b/V1/1.png"]);
    let (a, b) = (disk.0.path().join("root/a"), disk.0.path().join("root/b"));
    let found = Roots::new([a.as_path(), b.as_path()]).resolve(&Wanted::new("/mnt/V1/1.png"));
    assert!(matches!(&found, Resolved::Missing(reason) if reason.contains("2 files")), "{found:?}");
}

#[test]
fn what_is_not_there_says_where_it_was_looked_for() {
    let disk = Disk::new(&["a/X.png", "a/x.PNG", "a/._y.png"]);
    assert!(disk.find("none.png").unwrap_err().contains("root"));
    assert!(disk.find("a").unwrap_err().contains("not a file"));
    assert!(disk.find("a/x.png").unwrap_err().starts_with("missing"), "two files differ in case alone");
    assert!(disk.find("a/._Y.png").unwrap_err().starts_with("missing"));
    assert!(disk.find("a\0b").unwrap_err().starts_with("missing"));
}
