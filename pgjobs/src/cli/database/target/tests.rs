//! Which addresses are accepted, which are refused, and how they are shown.

use crate::cli::database::target::*;

fn message(url: &str) -> String {
    format!("{:?}", parse(url, "DATABASE_URL").unwrap_err())
}

#[test]
fn an_unusable_url_is_not_repeated() {
    for url in [
        "postgres://u:canary1x@host:port/db",
        "postgres://u:12/canary1x@host/db",
        "postgres://u:can?ary1x@host/db",
        "mysql://u:canary1x@host/db",
        "postgres://u@host/db?password=canary1x&sslmode=canary1x",
        "postgres://u:canary1x@host/db?sslmode=canary1x",
        "canary1x",
        "postgres://u:canary1x@a,b/db?port=1,2,3",
        "postgres://u:canary1x@a,b:port/db",
    ] {
        let message = message(url);
        assert!(!message.contains("ary1x"), "{message}");
        assert!(message.contains("DATABASE_URL"), "{message}");
    }
}

#[test]
fn a_password_is_hidden_as_written_and_as_meant() {
    parse("postgres://u:can%61ry2x@host/db", "DATABASE_URL").unwrap();
    assert_eq!(redact::hide("can%61ry2x canary2x"), "*** ***");
    parse("postgres://u@host/db?passwort=canary3x", "DATABASE_URL").unwrap();
    assert_eq!(redact::hide("canary3x"), "***");
}

#[test]
fn a_remote_server_that_is_not_verified_is_warned_of() {
    for (rest, words) in [
        ("db.example/shop", Some("is unencrypted when")),
        ("db.example/shop?sslmode=disable", Some("db.example:5432 is unencrypted: add sslmode=verify-full")),
        ("10.0.0.7/shop?sslmode=require", Some("not sure to be with that server")),
        ("db.example/shop?sslmode=verify-full", None),
        ("localhost/shop", None),
        ("127.0.0.2/shop?sslmode=disable", None),
        ("[::1]/shop", None),
        ("%2Ftmp/shop", None),
    ] {
        let options = parse(&format!("postgres://ana:canary5x@{rest}"), "DATABASE_URL").unwrap();
        let warning = Target::on(options, "DATABASE_URL").warning();
        assert_eq!(warning.is_some(), words.is_some(), "{rest}: {warning:?}");
        let warning = warning.unwrap_or_default();
        assert!(warning.contains(words.unwrap_or_default()) && !warning.contains("canary5x"), "{warning}");
    }
}

#[test]
fn of_several_servers_each_is_named_and_warned_of() {
    let options = parse("postgres://ana@localhost,db.example:6000/shop", "DATABASE_URL").unwrap();
    let target = Target::on(options, "DATABASE_URL");
    assert!(target.describe().contains("on localhost:5432 or db.example:6000 as"), "{}", target.describe());
    assert!(target.warning().is_some_and(|warning| warning.contains("db.example:6000 is unencrypted")));
    let led = target.led_by(1);
    assert_eq!(led.hosts().map(place).collect::<Vec<_>>(), ["db.example:6000", "localhost:5432"]);
}

#[test]
fn what_libpq_takes_is_taken() {
    for (url, shown) in [
        ("postgres://u:canary6x@[::1]:6000/db", "database `db` on [::1]:6000 as `u`"),
        ("postgres://u:canary6x@/db?host=/run/postgresql", "database `db` on /run/postgresql as `u`"),
        ("postgres://a%2Bb+c@/db?host=/run/postgresql", "database `db` on /run/postgresql as `a+b+c`"),
        ("postgres://u@:6000/db?host=::1", "database `db` on [::1]:6000 as `u`"),
    ] {
        let target = Target::on(parse(url, "DATABASE_URL").unwrap(), "DATABASE_URL");
        assert!(target.describe().starts_with(shown), "{url}: {}", target.describe());
    }
}

#[test]
fn a_description_holds_no_password() {
    let options = parse("postgres://ana:canary4x@db.example:6000/shop", "DATABASE_URL").unwrap();
    let target = Target::on(options, "DATABASE_URL");
    assert_eq!(target.describe(), "database `shop` on db.example:6000 as `ana` (from DATABASE_URL)");
}

#[test]
fn whether_a_url_holds_a_password_is_seen_however_it_is_written() {
    for (url, holds) in [
        ("postgres://ana@db/shop", false),
        ("postgres://ana@db/shop?host=a:b&sslmode=verify-full", false),
        ("postgres://db:6000/shop", false),
        ("postgres://[::1]/shop", false),
        ("postgres://ana:canary9x@db/shop", true),
        ("postgres://ana@db/shop?password=canary9x", true),
        ("postgres://ana@db/shop?p%61ssword=canary9x", true),
        ("postgres://ana@db/shop?passwort=canary9x", true),
    ] {
        assert_eq!(has_password(url), holds, "{url}");
    }
}
