//! Who may log in, and how a password is compared.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::viewer::{Role, Viewer};

/// The users of a login, with the hashes of their passwords.
///
/// A hash is SHA-256 without salt, which is right for passwords that a program generated and wrong for those
/// that people invent: use 20 random characters or more. The command
/// `printf %s 'the password' | sha256sum` prints the hash.
#[derive(Clone, Default)]
pub struct Users(Vec<User>);

#[derive(Clone)]
struct User {
    viewer: Viewer,
    hash: [u8; 32],
}

// Hashes are no use to readers of a log.
impl fmt::Debug for Users {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_list().entries(self.0.iter().map(|user| &user.viewer)).finish()
    }
}

impl Users {
    /// One user with this password.
    pub fn one(name: &str, role: Role, password: &str) -> Self {
        Users(vec![User { viewer: Viewer::new(name, role), hash: hash(password.as_bytes()) }])
    }

    /// Users from lines `name:role:sha256`, where the last is the password's hash in hexadecimal. Empty lines and
    /// those that begin with `#` are skipped.
    ///
    /// # Errors
    /// What is wrong with which line, and that there is no user at all. No hash is in the message.
    pub fn parse(lines: &str) -> Result<Self, String> {
        let lines = lines.lines().map(str::trim).enumerate();
        let mut users: Vec<User> = Vec::new();
        for (nth, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let user = user(line).map_err(|reason| format!("line {}: {reason}", nth + 1))?;
            if users.iter().any(|other| other.viewer.name == user.viewer.name) {
                return Err(format!("line {}: {:?} is there twice", nth + 1, user.viewer.name));
            }
            users.push(user);
        }
        if users.is_empty() {
            Err("there is no user: a line is name:role:sha256".to_owned())
        } else {
            Ok(Users(users))
        }
    }

    /// Whether somebody has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|user| user.viewer.name == name)
    }

    /// The user with this name, exactly, and this password. Takes as long for a wrong name as for a wrong password.
    pub(super) fn check(&self, name: &str, password: &str) -> Option<&Viewer> {
        let given = hash(password.as_bytes());
        let mut found = None;
        for user in &self.0 {
            let is_this = user.viewer.name.as_bytes().ct_eq(name.as_bytes()) & user.hash.ct_eq(&given);
            if bool::from(is_this) {
                found = Some(&user.viewer);
            }
        }
        found
    }
}

/// SHA-256.
pub(super) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn user(line: &str) -> Result<User, String> {
    let mut parts = line.splitn(3, ':');
    let (Some(name), Some(role), Some(hex)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("it is not name:role:sha256".to_owned());
    };
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        return Err("a name has 1 to 100 characters, none of them a control character".to_owned());
    }
    Ok(User { viewer: Viewer::new(name, role.parse()?), hash: unhex(hex)? })
}

fn unhex(hex: &str) -> Result<[u8; 32], String> {
    let wrong = || "the hash is not 64 hexadecimal digits: printf %s 'the password' | sha256sum".to_owned();
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return Err(wrong());
    }
    for (nth, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * nth..2 * nth + 2], 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"; // of "test"

    #[test]
    fn only_the_whole_name_and_password_are_let_in() {
        let users = Users::parse(&format!("# people\n\nmara:operator:{HASH}\njonas:viewer:{HASH}")).unwrap();
        assert_eq!(users.check("mara", "test"), Some(&Viewer::new("mara", Role::Operator)));
        for (name, password) in
            [("mara", "tes"), ("mara", "testt"), ("mar", "test"), ("mara2", "test"), ("", ""), (".*", "test")]
        {
            assert_eq!(users.check(name, password), None, "{name} {password}");
        }
    }

    #[test]
    fn a_wrong_line_is_named_and_no_hash_is_said() {
        for (lines, said) in [
            ("", "no user"),
            ("mara", "line 1: it is not name:role:sha256"),
            ("\nmara:boss:00", "line 2: a role is viewer, operator or admin"),
            ("mara:admin:00", "64 hexadecimal digits"),
            (&format!("mara:admin:{HASH}\nmara:admin:{HASH}"), "line 2: \"mara\" is there twice"),
            (&format!(":admin:{HASH}"), "1 to 100 characters"),
        ] {
            let error = Users::parse(lines).unwrap_err();
            assert!(error.contains(said) && !error.contains(HASH), "{error}");
        }
        let users = Users::parse(&format!("mara:admin:{HASH}")).unwrap();
        assert!(!format!("{users:?}").contains("159"), "{users:?}");
    }
}
