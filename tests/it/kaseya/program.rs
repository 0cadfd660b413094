//! The program itself against a BMS over HTTP.
