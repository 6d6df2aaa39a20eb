//! The only place where markup is not checked by maud: texts that are in the source, and never text of others.
//! A test of the architecture looks for `PreEscaped` elsewhere.

use maud::{Markup, PreEscaped};

/// The shapes of states, once in each page; icons refer to them.
const SPRITE: &str = include_str!("assets/sprite.svg");

/// The shapes of states.
pub(super) fn sprite() -> Markup {
    PreEscaped(SPRITE.to_owned())
}
