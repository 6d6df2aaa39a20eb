pub mod catalogue;
pub mod customers;
pub mod mail;
pub mod orders;
pub mod parcels;
pub mod reports;
