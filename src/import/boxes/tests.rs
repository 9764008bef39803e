use super::*;

/// What boxes written so, each on a picture of its own, say of their form.
fn verdict<'t>(texts: impl IntoIterator<Item = (&'t str, Option<(i32, i32)>)>) -> Result<Scale, String> {
    let mut evidence = Evidence::default();
    for (number, (text, size)) in texts.into_iter().enumerate() {
        let found = boxes::find(text);
        assert!(!found.is_empty(), "{text}");
        let name = number.to_string();
        found
            .iter()
            .for_each(|found| evidence.note(found, OnPicture { name: &name, size }, &|| format!("record {name}")));
    }
    evidence.forms.into_values().next().unwrap().verdict().map(|(scale, _)| scale)
}

const SMALL: Option<(i32, i32)> = Some((854, 480));
const LARGE: Option<(i32, i32)> = Some((1920, 1080));

fn repeated(times: usize, texts: &[&str], size: Option<(i32, i32)>) -> Result<Scale, String> {
    verdict((0..times).flat_map(|_| texts.iter().map(|text| (*text, size))))
}

#[test]
fn a_convention_is_taken_where_no_other_is_left_and_something_speaks_for_it() {
    for (times, texts, size, expected) in [
        (1, &["[0.1, 0.2, 0.3, 0.4]"][..], None, Scale::Unit),
        (1, &["<box>(0.1,0.2),(0.3,1.01)</box>"], None, Scale::Unit),
        (1, &["[10, 20, 1500, 400]"], LARGE, Scale::Pixels),
        (1, &["[10.5, 20, 1500, 400]"], LARGE, Scale::Pixels),
        (10, &["[10, 20, 854, 200]", "[10, 20, 300, 470]"], SMALL, Scale::Pixels),
        (10, &["[10.5, 20, 850.2, 200]", "[10, 20, 300, 470]"], SMALL, Scale::Pixels),
        (10, &["[10, 20, 999, 200]", "[10, 20, 300, 1000]"], SMALL, Scale::Thousand),
        (10, &["<box>(10,20),(999,950)</box>"], SMALL, Scale::Thousand),
        (100, &["[10, 20, 854, 460]", "[10, 20, 10, 30]"], SMALL, Scale::Pixels),
    ] {
        assert_eq!(repeated(times, texts, size), Ok(expected), "{times} × {texts:?}");
    }
    let mut some = vec![("[10, 20, 300, 900]", LARGE); 49];
    some.push(("[10, 20, 1500, 900]", LARGE));
    assert_eq!(verdict(some), Ok(Scale::Pixels));
    let mut many = vec![("[10, 20, 854, 460]", SMALL); 200];
    many.push(("[300, 20, 10, 460]", SMALL));
    assert_eq!(verdict(many), Ok(Scale::Pixels), "one in two hundred may have its far corner first");
}

#[test]
fn what_may_be_in_two_conventions_is_in_none() {
    for (times, texts, size, why) in [
        (30, &["[0, 0, 1, 1]"][..], None, "no other numbers than 0 and 1"),
        (30, &["[0.1, 0.2, 0.3, 0.4]", "[1, 2, 30, 40]"], None, "30 of 60 lie between 0 and 1, and 30 of 60"),
        // Whole and up to 1000, also between tags: pixels, or thousandths.
        (400, &["[10, 20, 300, 400]"], LARGE, "may be pixels, and thousandths as well"),
        (400, &["<box>(10,20),(300,400)</box>"], LARGE, "may be pixels, and thousandths as well"),
        (400, &["<box>(10,20),(300,400)</box>"], None, "no picture's size is known"),
        (400, &["[10, 20, 1500, 400]"], None, "no picture's size is known"),
        // In the middle of a small picture, and in one half of it.
        (400, &["[10, 20, 300, 300]"], SMALL, "thousandths as well"),
        (400, &["[10, 20, 300, 470]"], SMALL, "thousandths as well"),
        // Pixels of pictures that were larger once.
        (400, &["[10, 20, 800, 700]"], SMALL, "pictures of another size"),
        (9, &["[10, 20, 999, 1000]"], SMALL, "too few end near 1000"),
        (30, &["[10, 20, 1500, 900]"], SMALL, "30 of 30 reach beyond their picture as pixels (first record 0)"),
        (30, &["[10.5, 20, 900, 900]"], SMALL, "have a fraction"),
        // Hundredths with a fraction, or pixels.
        (30, &["[10.5, 20, 60, 90]"], SMALL, "have a fraction"),
        // Width and height in place of the far corner.
        (30, &["[10, 20, 840, 470]", "[500, 300, 80, 90]"], SMALL, "30 of 60 have their far corner first"),
        (30, &["[0.1, 0.2, 0.5, 0.6]", "[0.5, 0.6, 0.1, 0.1]"], None, "have their far corner first"),
        (30, &["[-200, 20, 854, 470]"], SMALL, "reach beyond their picture"),
    ] {
        let message = repeated(times, texts, size).unwrap_err();
        assert!(message.contains(why), "{times} × {texts:?}: {message}");
    }
}

#[test]
fn thousandths_that_went_astray_do_not_make_pixels_of_all() {
    for astray in ["[10, 20, 1004, 900]", "[10, 20, 1500, 900]"] {
        let mut boxes = vec![("[10, 20, 300, 900]", LARGE); 99];
        boxes.push((astray, LARGE));
        let message = verdict(boxes).unwrap_err();
        assert!(message.contains("1 of 100 are not between 0 and 1000 (first record 99)"), "{astray}: {message}");
    }
    assert!(verdict([("[10, 20, 1004, 900]", LARGE)]).is_err());
}

#[test]
fn boxes_of_one_picture_count_once() {
    let found = boxes::find("[10, 20, 854, 470]");
    let mut evidence = Evidence::default();
    let one = OnPicture { name: "a.png", size: SMALL };
    (0..100).for_each(|_| evidence.note(&found[0], one, &String::new));
    assert!(evidence.forms[&Form::List].verdict().is_err());
}
