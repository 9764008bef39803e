use super::*;

fn verdict(text: &str, times: usize, size: Option<(i32, i32)>) -> Option<(Scale, String)> {
    let found: Vec<(usize, Written)> = boxes::find(text).into_iter().map(|found| (0, found)).collect();
    assert!(!found.is_empty(), "{text}");
    let mut evidence = Evidence::default();
    (0..times).for_each(|_| evidence.note(&found, size));
    let (form, seen) = evidence.0.into_iter().next()?;
    seen.verdict(form)
}

#[test]
fn the_first_rule_that_holds_decides() {
    let small = Some((854, 480));
    for (text, times, size, expected) in [
        ("[0.1, 0.2, 0.3, 0.4]", 1, None, Some(Scale::Unit)),
        ("[0, 0, 1, 1]", 30, None, None),
        ("[0.1, 0.2, 0.3, 0.4] [1, 2, 30, 40]", 30, None, None),
        ("[10, 20, 1500, 400]", 1, Some((1920, 1080)), Some(Scale::Pixels)),
        ("[10, 20, 1500, 400]", 1, small, None),
        ("[10, 20, 1500, 400]", 1, None, None),
        ("[10, 20, 300, 900]", 3, small, Some(Scale::Thousand)),
        ("[10, 20, 300, 900]", 2, small, None),
        ("[10, 20, 300, 500]", 30, small, Some(Scale::Pixels)),
        ("[10, 20, 300, 400]", 19, small, None),
        ("[10, 20, 300, 400]", 400, Some((1920, 1080)), None),
        ("<box>(10,20),(300,400)</box>", 1, None, Some(Scale::Thousand)),
        ("<box>(10,20),(300,400)</box>", 20, small, Some(Scale::Pixels)),
        ("<box>(0.1,0.2),(0.3,0.4)</box>", 1, None, Some(Scale::Unit)),
    ] {
        assert_eq!(verdict(text, times, size).map(|(scale, _)| scale), expected, "{times} × {text}");
    }
    assert_eq!(verdict("[30, 20, 10, 40]", 30, small), None, "corners that are not in order say nothing");
}
