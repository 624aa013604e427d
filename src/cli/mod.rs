pub mod google_args;
