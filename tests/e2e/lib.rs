//! End to end: the built component, in the host, over mocked HTTP. The tests are in `main.rs`.
