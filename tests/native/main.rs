//! The native tests: everything below `edge/`, without a Worker in sight.

mod json_reader;
