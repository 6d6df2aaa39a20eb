//! Who looks at the dashboard.

use std::fmt;
use std::str::FromStr;

/// What somebody may do: each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Also retries, cancels, pauses and runs.
    Operator,
    /// Also changes arguments, deletes, and sees what tasks declare as sensitive.
    Admin,
}

impl Role {
    /// All of them, from the least.
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

    /// Its name: `viewer`, `operator`, `admin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Role::ALL.into_iter().find(|role| role.as_str() == name);
        known.ok_or_else(|| format!("a role is viewer, operator or admin, not {name:?}"))
    }
}

/// Somebody who looks at the dashboard: their name, which the audit keeps, and their role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Viewer {
    /// Shown on each page, and kept by the audit with what they do.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl Viewer {
    /// Somebody with this name and role.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Viewer { name: name.into(), role }
    }
}
