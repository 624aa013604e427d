//! The client against a stand-in for Google in this process. Its key is made with what the
//! simulator needs too.
#![cfg(feature = "simulator")]

mod calls;
mod credentials;
mod stand_in;
