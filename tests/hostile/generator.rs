//! Jobs that nobody means well with, the same ones for the same seed.

use fastrand::Rng;

/// Stands in texts everywhere; no error may show it.
pub(crate) const CANARY: &str = "canary7Q";

/// A job that somebody tries to publish: parts of its body as JSON text, which may be broken.
pub(crate) struct Case {
    pub(crate) task: String,
    pub(crate) body: String,
    /// A value as it stands in the body, for calls that take values.
    pub(crate) value: String,
}

pub(crate) struct Generator {
    rng: Rng,
}

const NUMBERS: [&str; 20] = [
    "1e400",
    "-1e400",
    "1e-400",
    "1e131071",
    "1e131072",
    "1e2147483647",
    "1e99999999999",
    "-1e-99999999999",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "-0",
    "0.0000000000000000000001",
    "NaN",
    "Infinity",
    "+1",
    ".5",
    "1.",
    "0x10",
    "00",
];

const TEXTS: [&str; 25] = [
    r"\u0000",
    r"a\u0000b",
    r"\\u0000",
    "\0",
    r"\ud800",
    r"\udc00\ud800",
    r"\ud83d\ude00",
    r"\ud83dx",
    r"\u202eevil\u202c",
    "\u{202e}\u{200b}\u{feff}",
    "\u{1f600}\u{10ffff}",
    "\u{1}\u{1b}[31m",
    r"\u001b]0;title\u0007",
    r"\x41\q",
    "\n\r\t",
    "'; drop table jobs.job; --",
    "$$; select pg_sleep(100); $$",
    "%s%n%x{}{0}${jndi:x}",
    "<script>alert(1)</script>",
    r#"\" onload=\"x"#,
    "$(rm -rf /) `id` | sh ; &",
    "../../etc/passwd",
    "x at line 1, expected y",
    "`', expected \u{a0}",
    r#"\", expected z\" at line 9 column 9"#,
];

const NAMES: [&str; 16] = [
    "",
    " ",
    "os.system",
    "../hostile.any",
    "hostile.any\n",
    "hostile.any ",
    "hostile.%",
    "hostile.*",
    "hostile_any",
    "HOSTILE.ANY",
    "'; drop table jobs.job; --",
    "a\0b",
    "\u{202e}yna.elitsoh",
    "\u{7f}",
    "\u{85}",
    "hostile.any\u{200b}",
];

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Generator { rng: Rng::with_seed(seed) }
    }

    pub(crate) fn case(&mut self) -> Case {
        let value = self.value(3);
        Case { task: self.name(), body: self.body(&value), value }
    }

    /// Mostly tasks that the worker has.
    pub(crate) fn name(&mut self) -> String {
        match self.rng.u8(..20) {
            0 => self.pick(&NAMES).to_owned(),
            1 => "n".repeat(self.rng.usize(198..203)),
            2 => "\u{e4}".repeat(self.rng.usize(198..203)),
            _ => self.pick(&super::tasks::NAMES[..3]).to_owned(),
        }
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.rng.usize(..from.len())]
    }

    fn body(&mut self, value: &str) -> String {
        let other = self.value(1);
        match self.rng.u8(..16) {
            0 => value.to_owned(),
            1 => format!(r#"{{"args": {value}}}"#),
            2 => format!(r#"{{"kwargs": {value}}}"#),
            3 => format!(r#"{{"args": [{value}, {other}, {value}, {other}]}}"#),
            4 => format!(r#"{{"args": [1], "kwargs": {{"n": {value}, "value": {other}}}}}"#),
            5 => format!(r#"{{"kwargs": {{"value": {value}, "value": {other}}}}}"#),
            6 => format!(r#"{{"args": [{value}], "args": [{other}], "__proto__": {other}}}"#),
            7 => format!(r#"{{"kwargs": {{"{}": {value}}}}}"#, self.pick(&TEXTS)),
            8 => format!(r#"{{"args": [{value}], "kwargs": "#),
            9 => self.mutated(&format!(r#"{{"args": [{value}], "kwargs": {{"text": {other}}}}}"#)),
            10 => format!(r#"{{"args": [0], "kwargs": {{"text": {value}, "list": {other}}}}}"#),
            11 => format!(r#"{{"kwargs": {{"n": 1, "first": {value}, "list": [{other}]}}}}"#),
            _ => format!(r#"{{"args": [{value}]}}"#),
        }
    }

    /// One byte of it another one.
    fn mutated(&mut self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        let at = self.rng.usize(..bytes.len());
        bytes[at] = self.rng.u8(..);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn value(&mut self, depth: u32) -> String {
        match self.rng.u8(..14) {
            0 => self.nested(),
            1 | 2 => self.pick(&NUMBERS).to_owned(),
            3..=6 => format!("\"{CANARY}{}\"", self.pick(&TEXTS)),
            7 => format!("\"{CANARY}{}\"", "x".repeat(self.rng.usize(..70_000))),
            8 => format!("{}{}", self.rng.u8(1..10), "7".repeat(self.rng.usize(..2000))),
            9 => self.pick(&["null", "true", "[]", "{}", "\"\"", "", "nul", "undefined"]).to_owned(),
            10 => self.rng.i64(..).to_string(),
            11 if depth > 0 => format!("[{}, {}]", self.value(depth - 1), self.value(depth - 1)),
            12 if depth > 0 => format!(r#"{{"{}": {}}}"#, self.pick(&TEXTS), self.value(depth - 1)),
            _ => self.rng.u8(..).to_string(),
        }
    }

    fn nested(&mut self) -> String {
        let depth = [100, 126, 127, 128, 129, 500, 3000, 30_000][self.rng.usize(..8)];
        match self.rng.bool() {
            true => format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
            false => format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth)),
        }
    }
}
