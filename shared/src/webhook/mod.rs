//! Telling others what happens: which events there are, who wants them, when a message is tried again. No I/O.
