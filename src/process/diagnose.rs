//! Finds out from a file's first bytes what the kernel missed when it was to execute it. Used only after a failed
//! start.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The header, program headers and interpreter of an ELF file lie within this many bytes.
const HEAD: u64 = 16 * 1024;

/// Returns the script's interpreter, or the program's dynamic linker, if it is missing.
pub(super) fn missing_interpreter(program: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    File::open(program).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let interpreter = script_interpreter(&head).or_else(|| elf_interpreter(&head))?;
    (!interpreter.exists()).then_some(interpreter)
}

/// Returns the first word after `#!`. Only spaces and tabs end it, so that a carriage return is part of it.
fn script_interpreter(head: &[u8]) -> Option<PathBuf> {
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let word = line.split(|byte| matches!(byte, b' ' | b'\t')).find(|word| !word.is_empty())?;
    Some(OsStr::from_bytes(word).into())
}

/// Returns the `PT_INTERP` segment of a 64-bit little-endian ELF file (elf(5)).
fn elf_interpreter(head: &[u8]) -> Option<PathBuf> {
    const PT_INTERP: u64 = 3;
    head.strip_prefix(b"\x7fELF\x02\x01")?;
    let (table, size, count) = (number(head, 32, 8)?, number(head, 54, 2)?, number(head, 56, 2)?);
    for index in 0..count {
        let at = table.checked_add(index * size)?;
        if number(head, at, 4)? == PT_INTERP {
            let (offset, length) = (number(head, at + 8, 8)?, number(head, at + 32, 8)?);
            let range = usize::try_from(offset).ok()?..usize::try_from(offset.checked_add(length)?).ok()?;
            let path = head.get(range)?.split(|&byte| byte == 0).next()?;
            return Some(OsStr::from_bytes(path).into());
        }
    }
    None
}

/// Reads a little-endian number of `size` bytes at `at`.
fn number(bytes: &[u8], at: u64, size: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_interpreter_of_a_script() {
        assert_eq!(script_interpreter(b"#! /usr/bin/env -S x\n"), Some("/usr/bin/env".into()));
        assert_eq!(script_interpreter(b"#!/bin/sh\r\n"), Some("/bin/sh\r".into()));
        assert_eq!(script_interpreter(b"#!\n"), None);
        assert_eq!(script_interpreter(b"echo"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn reads_its_own_header() {
        let me = std::env::current_exe().unwrap();
        assert_eq!(missing_interpreter(&me), None);
        let head = std::fs::read(me).unwrap();
        assert!(elf_interpreter(&head).is_none_or(|path| path.exists()));
    }
}
