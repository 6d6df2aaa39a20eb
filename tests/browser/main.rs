//! The dashboard in a real browser: Debian's Chromium, driven over WebDriver.

mod actions;
mod hostile;
mod looks;
mod site;
mod webdriver;
