//! Server addresses: corrects those that the driver reads differently from libpq, and tells databases apart.

use sqlx::postgres::PgConnectOptions;

/// The same options with the brackets around an IPv6 address (`[::1]` in a URL) removed from the host. The
/// driver keeps them, and then tries to resolve a host of that name.
pub(crate) fn without_brackets(options: PgConnectOptions) -> PgConnectOptions {
    let host = options.get_host();
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::to_owned);
    match inner {
        Some(address) if options.get_socket().is_none() => options.host(&address),
        _ => options,
    }
}

/// The key that distinguishes two databases; it never contains a password.
pub(crate) fn database_key(options: &PgConnectOptions) -> String {
    let place =
        options.get_socket().map_or_else(|| options.get_host().to_owned(), |s| s.display().to_string());
    format!("{place} {} {:?} {}", options.get_port(), options.get_database(), options.get_username())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_itself() {
        let host = |url: &str| without_brackets(url.parse().unwrap()).get_host().to_owned();
        assert_eq!(host("postgres://u@[::1]:5432/db"), "::1");
        assert_eq!(host("postgres://u@db.example/db"), "db.example");
    }
}
