//! The pages on which the shop's staff see and repair jobs.

use std::net::SocketAddr;

use axum::Router;
use pgjobs::web::{Dashboard, Role, Users};
use sqlx::PgPool;

/// The dashboard of a server at this address. The user `admin` has the password of DASHBOARD_PASSWORD;
/// without that one is made and printed, for a server that only this machine reaches.
///
/// # Errors
/// When other machines reach the address and there is no password, or a short one.
pub fn router(pool: PgPool, address: SocketAddr) -> Result<Router, String> {
    let password = match std::env::var("DASHBOARD_PASSWORD") {
        Ok(password) if password.len() >= 12 => password,
        Ok(_) => return Err("DASHBOARD_PASSWORD has fewer than 12 characters: `openssl rand -hex 16`".into()),
        Err(_) if address.ip().is_loopback() => made(address),
        Err(_) => return Err(format!("other machines reach {address}: set DASHBOARD_PASSWORD")),
    };
    Ok(Dashboard::new(pool).name("shop").login(Users::one("admin", Role::Admin, &password)).router())
}

fn made(address: SocketAddr) -> String {
    let password = uuid::Uuid::new_v4().simple().to_string();
    println!("dashboard: http://{address}/jobs (log in as admin with {password})");
    password
}
