//! Tables by maps: listed, shown, proposed, and what an import says of them.

use crate::fixture::{Fixture, fails, stdout, surgdb};

#[test]
fn maps_are_listed_shown_proposed_and_used() {
    let run = |words: &[&str]| surgdb(words);
    let listed = stdout(&run(&["map", "list"]));
    assert!(listed.contains("cholec80 ") && listed.contains("kvasir-vqa "), "{listed}");
    let json: serde_json::Value = serde_json::from_str(&stdout(&run(&["map", "list", "--json"]))).unwrap();
    assert_eq!(json.as_array().unwrap().len(), listed.lines().count());
    assert!(stdout(&run(&["map", "show", "ava"])).starts_with("name = \"ava\"\n"));
    assert!(fails(&run(&["map", "show", "nothing"])).contains("shipped are activitynet, ava"));

    let fixture = Fixture::new();
    let (table, map) = (fixture.path("labels.csv"), fixture.path("mine.toml"));
    std::fs::write(&table, "video,start,end,step\nv,0,2.5,cut\nv,2.5,4,sew\n").unwrap();
    std::fs::write(&map, stdout(&run(&["map", "init", table.to_str().unwrap()]))).unwrap();
    let (table, map) = (table.to_str().unwrap(), map.to_str().unwrap());
    assert!(fails(&fixture.run("import", &[table, "--source", "s"])).contains("`surgdb map init` proposes one"));
    let printed = stdout(&fixture.run("import", &[table, "--source", "s", "--map", map]));
    assert!(printed.contains("1 file of the map labels, 2 rows"), "{printed}");
    assert!(printed.contains("2 read = 2 added"), "{printed}");
    let again = fixture.json("import", &[table, "--source", "s", "--map", map]);
    assert_eq!((&again["records"]["unchanged"], &again["inputs"][0]["map"]), (&2.into(), &"labels".into()));
    assert!(
        fails(&fixture.run("import", &[table, "--source", "s", "--map", "no.toml"]))
            .contains("there is no map \"no.toml\"")
    );
}
