//! Property tests: text from outside gives a config or an error with its location, never a panic.

use proptest::prelude::*;

use super::*;
use crate::config::table::ROWS;

/// Values of every TOML type, and text that is valid for some setting.
fn value() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        any::<String>(),
        "[-+.:/=\\[\\]a-z0-9 ]{0,20}",
        "(tcp|udp|unix|http|https|web=tcp):?/?/?[a-z0-9.\\[\\]:%/@-]{0,30}",
        "[0-9]{1,25}(ms|s|m|h|y|)( [0-9]{1,25}s)?",
        "(--config|-Z|--target|--jobs|-j|--)=?[a-z.='\"0-9]{0,20}",
    ];
    let text = text.prop_map(|text| quoted(&text)).boxed();
    let plain =
        prop_oneof!["-?[0-9]{1,22}", "0x[0-9a-f]{1,10}", Just("1979-05-27".into()), "(true|false|nan|1e9)"];
    let item = prop_oneof![text.clone(), plain.boxed()].boxed();
    prop_oneof![
        item.clone(),
        proptest::collection::vec(item.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
        (text, item).prop_map(|(name, value)| format!("{{ {name} = {value} }}")),
    ]
}

proptest! {
    #[test]
    fn arbitrary_values_never_panic(
        entry in 0..ROWS.len(),
        other in 0..ROWS.len(),
        first in value(),
        second in value(),
    ) {
        let key = |entry: usize| ROWS[entry].key.replace("NAME", "a");
        let text = format!("{} = {first}\n{} = {second}", key(entry), key(other));
        match merged("", &[file("/p/app/hotrun.toml", &text)]) {
            Ok(config) => prop_assert!(!show(&config, Path::new(CWD)).is_empty()),
            Err(error) => prop_assert!(error.to_string().contains("hotrun.toml"), "{error}\n{text}"),
        }
    }

    #[test]
    fn arbitrary_files_never_panic(text in "[\\[\\]{}\"'=#.,a-z0-9\n -]{0,80}", any in any::<String>()) {
        for text in [text, any] {
            let _ = merged("", &[file("/p/app/hotrun.toml", &text)]);
            let _ = merged("", &[file("/p/app/Cargo.toml", &format!("[package.metadata.hotrun]\n{text}"))]);
        }
    }

    #[test]
    fn arbitrary_options_never_panic(entry in 0..ROWS.len(), word in any::<String>()) {
        let entry = &ROWS[entry];
        let Some(option) = entry.option.filter(|option| !option.is_empty()) else { return Ok(()) };
        let line = ["hotrun".to_owned(), format!("--{option}={word}")].map(OsString::from);
        if let Ok(cli) = cli::parse(line)
            && let cli::Command::Run(options) = cli.command
        {
            let _ = merge(&options, &OwnVariables::new(), &[], Path::new(CWD));
        }
    }
}
