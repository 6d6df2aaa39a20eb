//! The rules of the look that a program can check: contrast of the colours, and that nothing is drawn but by classes.

use std::collections::BTreeMap;
use std::path::Path;

const STYLE: &str = "../pgjobs/src/web/dashboard/assets/dashboard.css";

fn style() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(STYLE)).expect("the stylesheet")
}

/// The colours by name, light and dark.
fn colours(style: &str) -> BTreeMap<String, [[f64; 3]; 2]> {
    let tokens = style.lines().filter_map(|line| line.trim().strip_prefix("--")?.split_once(": light-dark("));
    tokens
        .map(|(name, rest)| {
            let mut both = rest.split(')').next().unwrap().split(',').map(|hex| rgb(hex.trim()));
            (name.to_owned(), [both.next().unwrap(), both.next().unwrap()])
        })
        .collect()
}

fn rgb(hex: &str) -> [f64; 3] {
    let byte = |at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
    [1, 3, 5].map(byte)
}

/// The ratio of WCAG 2.
fn ratio(a: [f64; 3], b: [f64; 3]) -> f64 {
    let light = |colour: [f64; 3]| {
        let [r, g, b] = colour
            .map(|part| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (light(a), light(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_text_has_contrast_on_every_ground_in_both_themes() {
    let colours = colours(&style());
    assert!(colours.len() >= 17, "{:?}", colours.keys());
    let texts = ["ink", "ink-2", "ink-3", "accent", "good", "bad", "late", "held"];
    let mut pairs: Vec<(&str, &str, f64)> = Vec::new();
    for ground in ["ground", "tint", "pick"] {
        pairs.extend(texts.map(|text| (text, ground, 4.5)));
    }
    pairs.extend([
        ("on-accent", "accent", 4.5),
        ("on-accent", "bad", 4.5),
        ("ink", "late-area", 4.5),
        ("ink", "bad-area", 4.5),
        ("edge", "ground", 3.0),
        ("accent", "area", 3.0),
    ]);
    for (text, ground, least) in pairs {
        for theme in [0, 1] {
            let found = ratio(colours[text][theme], colours[ground][theme]);
            assert!(found >= least, "{text} on {ground}, theme {theme}: {found:.2}");
        }
    }
}

#[test]
fn the_ratio_is_that_of_the_standard() {
    assert!((ratio(rgb("#ffffff"), rgb("#000000")) - 21.0).abs() < 1e-9);
    assert!((ratio(rgb("#767676"), rgb("#ffffff")) - 4.54).abs() < 0.01);
}

#[test]
fn only_the_states_that_have_a_shape_and_a_colour_are_used() {
    let sprite = include_str!("../../pgjobs/src/web/dashboard/assets/sprite.svg");
    let style = style();
    for state in [
        "ready",
        "scheduled",
        "backoff",
        "running",
        "success",
        "failed",
        "cancelled",
        "paused",
        "lost",
        "warn",
        "bell",
    ] {
        assert!(sprite.contains(&format!("id=\"i-{state}\"")), "{state} has a shape");
        assert!(state == "bell" || style.contains(&format!(".s-{state}")), "{state} has a colour");
    }
}

#[test]
fn the_script_has_no_more_than_200_lines_and_makes_no_code_of_text() {
    let script = include_str!("../../pgjobs/src/web/dashboard/assets/dashboard.js");
    assert!(script.lines().count() <= 200);
    for no in ["innerHTML", "eval(", "new Function", "insertAdjacentHTML", "document.write"] {
        assert!(!script.contains(no), "{no}");
    }
}
