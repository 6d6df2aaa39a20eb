//! Several hosts in one address, as libpq allows; the driver knows one.
//!
//! `postgresql://user@db1:5432,db2:5433/shop`, or lists in `host` and `port`, or in PGHOST and PGPORT. One of
//! them has the primary; the connection code asks each to find it.

/// Splits a URL into one URL for each host that it names.
pub(crate) fn split(url: &str) -> Result<Vec<String>, String> {
    let at = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(at);
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    let (path, query) = after.split_once('?').unwrap_or((after, ""));
    let parameters = parameters(query)?;
    let hosts: Vec<&str> = hosts.split(',').collect();
    let length = parameters.iter().map(|(_, values)| values.len()).chain([hosts.len()]).max().unwrap_or(1);
    let one = |nth: usize| {
        let host = pick("host", &hosts, nth, length)?;
        let mut query = Vec::new();
        for (name, values) in &parameters {
            query.push(format!("{name}={}", pick(name, values, nth, length)?));
        }
        let (user, host) = match host.strip_prefix(':') {
            _ if user.is_empty() => (user, host),
            // libpq accepts a user without a host; the driver requires either both or the parameters below.
            None if !host.is_empty() => (user, host),
            port => {
                query.splice(0..0, credentials(user));
                query.extend(port.filter(|port| !port.is_empty()).map(|port| format!("port={port}")));
                ("", "")
            }
        };
        Ok(format!("{scheme}{user}{host}{path}?{}", query.join("&")).trim_end_matches('?').to_owned())
    };
    (0..length).map(one).collect()
}

/// `user:password@` as parameters, in which `+` and `&` have another meaning and are escaped.
fn credentials(user: &str) -> Vec<String> {
    let user = user.trim_end_matches('@');
    let (name, password) =
        user.split_once(':').map_or((user, None), |(name, password)| (name, Some(password)));
    let parameter =
        |(name, value): (&str, &str)| format!("{name}={}", value.replace('+', "%2B").replace('&', "%26"));
    [("user", name)]
        .into_iter()
        .chain(password.map(|password| ("password", password)))
        .map(parameter)
        .collect()
}

/// The URL for lists in PGHOST and PGPORT; `None` when they name one server, which the driver reads itself.
pub(crate) fn of_variables(hosts: &str, ports: &str) -> Option<String> {
    let parameter = |name, values: &str| {
        let values = values.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('#', "%23");
        if values.is_empty() { String::new() } else { format!("&{name}={values}") }
    };
    let is_list = hosts.contains(',') || ports.contains(',');
    is_list.then(|| format!("postgresql:///?{}{}", parameter("host", hosts), parameter("port", ports)))
}

/// The value for the nth host; a single value is for all hosts.
fn pick<'a>(name: &str, values: &[&'a str], nth: usize, length: usize) -> Result<&'a str, String> {
    match values.len() {
        1 => Ok(values[0]),
        own if own == length => Ok(values[nth]),
        own => {
            Err(format!("{name} lists {own} values for {length} hosts: give one for each, or one for all"))
        }
    }
}

/// The parameters of a URL; those that may differ among hosts are lists.
fn parameters(query: &str) -> Result<Vec<(&str, Vec<&str>)>, String> {
    let mut all = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (name, value) {
            // Every command connects to a primary anyway.
            ("target_session_attrs", "any" | "read-write" | "primary") => {}
            ("target_session_attrs", _) => {
                return Err(
                    "target_session_attrs is not needed to read from a standby (--read-dsn), and jobs are \
                            written on a primary: leave it out, or say read-write"
                        .to_owned(),
                );
            }
            ("host" | "hostaddr" | "port", list) => all.push((name, list.split(',').collect())),
            (name, value) => all.push((name, vec![value])),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(url: &str) -> Vec<String> {
        split(url).unwrap()
    }

    #[test]
    fn a_url_may_list_hosts_as_libpq_has_it() {
        for (url, expected) in [
            ("postgres://u:p@a/db", &["postgres://u:p@a/db"][..]),
            ("postgres://u@a:1,b:2/db", &["postgres://u@a:1/db", "postgres://u@b:2/db"]),
            ("postgres://u:x,y@a,[::1]:2", &["postgres://u:x,y@a", "postgres://u:x,y@[::1]:2"]),
            (
                "postgres://%2Fs,%2Ft/db?sslmode=disable",
                &["postgres://%2Fs/db?sslmode=disable", "postgres://%2Ft/db?sslmode=disable"],
            ),
            (
                "postgres:///db?host=/s,/t&port=1,2",
                &["postgres:///db?host=/s&port=1", "postgres:///db?host=/t&port=2"],
            ),
            ("postgres://a,b/db?target_session_attrs=read-write", &["postgres://a/db", "postgres://b/db"]),
            ("postgres://u:p+@/db?host=/s", &["postgres:///db?user=u&password=p%2B&host=/s"]),
            ("postgres://a,b/db?port=7", &["postgres://a/db?port=7", "postgres://b/db?port=7"]),
        ] {
            assert_eq!(servers(url), expected, "{url}");
        }
    }

    #[test]
    fn lists_of_different_lengths_are_refused_with_the_reason() {
        let reason = split("postgres:///db?host=a,b,c&port=1,2").unwrap_err();
        assert_eq!(reason, "port lists 2 values for 3 hosts: give one for each, or one for all");
        let reason = split("postgres://a,b/db?target_session_attrs=standby").unwrap_err();
        assert!(reason.contains("read-write"), "{reason}");
    }

    #[test]
    fn the_variables_may_list_hosts_too() {
        let url = of_variables("/a&b,c", "1,2").unwrap();
        assert_eq!(servers(&url), ["postgresql:///?host=/a%26b&port=1", "postgresql:///?host=c&port=2"]);
        assert_eq!(
            servers(&of_variables("a,b", "").unwrap()),
            ["postgresql:///?host=a", "postgresql:///?host=b"]
        );
        assert_eq!(of_variables("a", "7"), None);
    }
}
