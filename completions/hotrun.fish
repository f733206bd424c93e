# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hotrun_global_optspecs
    string join \n p/package= bin= example= F/features= all-features no-default-features r/release profile= target= target-dir= j/jobs= keep-going timings manifest-path= ignore-rust-version locked offline frozen config= Z= share-build-dir w/watch= i/ignore= debounce= poll= E/env= env-file= stdin= output= listen= ready= ready-timeout= update= on-start-failure= on-exit= stop-signal= stop-timeout= c/clear N/notify events= log= once s/service= q/quiet v/verbose color= config-file= h/help V/version
end

function __fish_hotrun_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hotrun_global_optspecs) -- $cmd 2>/dev/null
    or argparse -s (__fish_hotrun_global_optspecs) -- $cmd[1..-2] 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hotrun_using_subcommand
    set -l cmd (__fish_hotrun_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hotrun -n "__fish_hotrun_needs_command" -s p -l package -d 'Package with the program to run' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l bin -d 'Name of the binary to run' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l example -d 'Name of the example to run' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -s F -l features -d 'Space or comma separated list of features to activate' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l profile -d 'Build with the named profile' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l target -d 'Build for the target triple' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l target-dir -d 'Directory for all generated artifacts' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_needs_command" -s j -l jobs -d 'Number of parallel jobs, defaults to the number of CPUs' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l manifest-path -d 'Path to Cargo.toml' -r -F
complete -c hotrun -n "__fish_hotrun_needs_command" -l config -d 'Override a cargo configuration value' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -s Z -d 'Unstable (nightly-only) flags to cargo, see `cargo -Z help`' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -s w -l watch -d 'Files or folders the program reads when it runs: a change restarts it' -r -F
complete -c hotrun -n "__fish_hotrun_needs_command" -s i -l ignore -d 'Gitignore-style patterns of what never counts as a change; they win over everything' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l debounce -d 'Quiet time that ends a burst of edits [default: 50ms]' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l poll -d 'Look at files instead of relying on events: `auto`, `always`, `never` or an interval [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -s E -l env -d 'Environment variables for the program only' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l env-file -d 'Files of environment variables for the program; an edit restarts without a build' -r -F
complete -c hotrun -n "__fish_hotrun_needs_command" -l stdin -d 'What the program gets as its stdin [default: lend]' -r -f -a "lend\t''
null\t''
inherit\t''"
complete -c hotrun -n "__fish_hotrun_needs_command" -l output -d 'Where the program\'s output goes [default: auto]' -r -f -a "auto\t''
inherit\t''
capture\t''"
complete -c hotrun -n "__fish_hotrun_needs_command" -l listen -d 'Sockets that hotrun opens and hands to the program' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l ready -d 'When a process counts as ready [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l ready-timeout -d 'How long to wait until it is ready [default: 30s]' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l update -d 'How a new build reaches the process [default: restart]' -r -f -a "restart\t''
overlap\t''
manual\t''
reexec\t''"
complete -c hotrun -n "__fish_hotrun_needs_command" -l on-start-failure -d 'What to do when a new build cannot start [default: auto]' -r -f -a "auto\t''
rollback\t''
wait\t''"
complete -c hotrun -n "__fish_hotrun_needs_command" -l on-exit -d 'What to do when the program ends by itself [default: wait]' -r -f -a "wait\t''
restart\t''
exit\t''"
complete -c hotrun -n "__fish_hotrun_needs_command" -l stop-signal -d 'First signal of a stop: a name or a number [default: SIGTERM]' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l stop-timeout -d 'How long a stop may take before SIGKILL [default: 5s]' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l events -d 'Append machine-readable events to a file, one JSON object per line' -r -F
complete -c hotrun -n "__fish_hotrun_needs_command" -l log -d 'Write hotrun\'s own lines and diagnostics to a file as well' -r -F
complete -c hotrun -n "__fish_hotrun_needs_command" -s s -l service -d 'Run only these services, and those they need' -r
complete -c hotrun -n "__fish_hotrun_needs_command" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c hotrun -n "__fish_hotrun_needs_command" -l config-file -d 'Read this file instead of the package\'s `hotrun.toml`' -r -F
complete -c hotrun -n "__fish_hotrun_needs_command" -l all-features -d 'Activate all available features'
complete -c hotrun -n "__fish_hotrun_needs_command" -l no-default-features -d 'Do not activate the `default` feature'
complete -c hotrun -n "__fish_hotrun_needs_command" -s r -l release -d 'Build in release mode, with optimizations'
complete -c hotrun -n "__fish_hotrun_needs_command" -l keep-going -d 'Do not abort the build as soon as there is an error'
complete -c hotrun -n "__fish_hotrun_needs_command" -l timings -d 'Output a build timing report at the end of each build'
complete -c hotrun -n "__fish_hotrun_needs_command" -l ignore-rust-version -d 'Ignore `rust-version` specification in packages'
complete -c hotrun -n "__fish_hotrun_needs_command" -l locked -d 'Assert that `Cargo.lock` will remain unchanged'
complete -c hotrun -n "__fish_hotrun_needs_command" -l offline -d 'Run without accessing the network'
complete -c hotrun -n "__fish_hotrun_needs_command" -l frozen -d 'Equivalent to specifying both --locked and --offline'
complete -c hotrun -n "__fish_hotrun_needs_command" -l share-build-dir -d 'Keep intermediates in the project\'s own build directory'
complete -c hotrun -n "__fish_hotrun_needs_command" -s c -l clear -d 'Clear the screen when there is something new to show'
complete -c hotrun -n "__fish_hotrun_needs_command" -s N -l notify -d 'Notify through the terminal (OSC 9, or its bell) when a build fails or recovers'
complete -c hotrun -n "__fish_hotrun_needs_command" -l once -d 'Build, publish and run once, without watching'
complete -c hotrun -n "__fish_hotrun_needs_command" -s q -l quiet -d 'Show errors and warnings only'
complete -c hotrun -n "__fish_hotrun_needs_command" -s v -l verbose -d 'Show more: what is watched, and of each change that does not count why'
complete -c hotrun -n "__fish_hotrun_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_needs_command" -s V -l version -d 'Print version'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "run" -d 'Build, run and follow edits (the default)'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "config" -d 'Print every setting in force and where it comes from'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "up" -d 'Start hotrun in the background unless it runs here, then wait as `wait` does'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "status" -d 'Say what the hotrun of this project is doing'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "wait" -d 'Wait until everything saved is running, or print the errors'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "logs" -d 'Print what the program wrote last, also after a crash'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "restart" -d 'Build if anything changed, then restart (the key `r`)'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "start" -d 'Start services that are down, and those that they come after'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "stop" -d 'Stop the program and hotrun (the key `q`), or only the services that are named'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "init" -d 'Write a commented `hotrun.toml` for the project, never over an existing one'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "doctor" -d 'Look for what would keep hotrun from working well here, and say what to do about it'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "completions" -d 'Print a completion script for a shell'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "man" -d 'Print the manual page'
complete -c hotrun -n "__fish_hotrun_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s p -l package -d 'Package with the program to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l bin -d 'Name of the binary to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l example -d 'Name of the example to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s F -l features -d 'Space or comma separated list of features to activate' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l profile -d 'Build with the named profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l target -d 'Build for the target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l target-dir -d 'Directory for all generated artifacts' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s j -l jobs -d 'Number of parallel jobs, defaults to the number of CPUs' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l manifest-path -d 'Path to Cargo.toml' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l config -d 'Override a cargo configuration value' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s Z -d 'Unstable (nightly-only) flags to cargo, see `cargo -Z help`' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s w -l watch -d 'Files or folders the program reads when it runs: a change restarts it' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s i -l ignore -d 'Gitignore-style patterns of what never counts as a change; they win over everything' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l debounce -d 'Quiet time that ends a burst of edits [default: 50ms]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l poll -d 'Look at files instead of relying on events: `auto`, `always`, `never` or an interval [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s E -l env -d 'Environment variables for the program only' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l env-file -d 'Files of environment variables for the program; an edit restarts without a build' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l stdin -d 'What the program gets as its stdin [default: lend]' -r -f -a "lend\t''
null\t''
inherit\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l output -d 'Where the program\'s output goes [default: auto]' -r -f -a "auto\t''
inherit\t''
capture\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l listen -d 'Sockets that hotrun opens and hands to the program' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l ready -d 'When a process counts as ready [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l ready-timeout -d 'How long to wait until it is ready [default: 30s]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l update -d 'How a new build reaches the process [default: restart]' -r -f -a "restart\t''
overlap\t''
manual\t''
reexec\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l on-start-failure -d 'What to do when a new build cannot start [default: auto]' -r -f -a "auto\t''
rollback\t''
wait\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l on-exit -d 'What to do when the program ends by itself [default: wait]' -r -f -a "wait\t''
restart\t''
exit\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l stop-signal -d 'First signal of a stop: a name or a number [default: SIGTERM]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l stop-timeout -d 'How long a stop may take before SIGKILL [default: 5s]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l events -d 'Append machine-readable events to a file, one JSON object per line' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l log -d 'Write hotrun\'s own lines and diagnostics to a file as well' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s s -l service -d 'Run only these services, and those they need' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l config-file -d 'Read this file instead of the package\'s `hotrun.toml`' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l all-features -d 'Activate all available features'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l no-default-features -d 'Do not activate the `default` feature'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s r -l release -d 'Build in release mode, with optimizations'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l keep-going -d 'Do not abort the build as soon as there is an error'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l timings -d 'Output a build timing report at the end of each build'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l ignore-rust-version -d 'Ignore `rust-version` specification in packages'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l locked -d 'Assert that `Cargo.lock` will remain unchanged'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l offline -d 'Run without accessing the network'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l frozen -d 'Equivalent to specifying both --locked and --offline'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l share-build-dir -d 'Keep intermediates in the project\'s own build directory'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s c -l clear -d 'Clear the screen when there is something new to show'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s N -l notify -d 'Notify through the terminal (OSC 9, or its bell) when a build fails or recovers'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -l once -d 'Build, publish and run once, without watching'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s q -l quiet -d 'Show errors and warnings only'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s v -l verbose -d 'Show more: what is watched, and of each change that does not count why'
complete -c hotrun -n "__fish_hotrun_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s p -l package -d 'Package with the program to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l bin -d 'Name of the binary to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l example -d 'Name of the example to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s F -l features -d 'Space or comma separated list of features to activate' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l profile -d 'Build with the named profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l target -d 'Build for the target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l target-dir -d 'Directory for all generated artifacts' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s j -l jobs -d 'Number of parallel jobs, defaults to the number of CPUs' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l manifest-path -d 'Path to Cargo.toml' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l config -d 'Override a cargo configuration value' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s Z -d 'Unstable (nightly-only) flags to cargo, see `cargo -Z help`' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s w -l watch -d 'Files or folders the program reads when it runs: a change restarts it' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s i -l ignore -d 'Gitignore-style patterns of what never counts as a change; they win over everything' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l debounce -d 'Quiet time that ends a burst of edits [default: 50ms]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l poll -d 'Look at files instead of relying on events: `auto`, `always`, `never` or an interval [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s E -l env -d 'Environment variables for the program only' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l env-file -d 'Files of environment variables for the program; an edit restarts without a build' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l stdin -d 'What the program gets as its stdin [default: lend]' -r -f -a "lend\t''
null\t''
inherit\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l output -d 'Where the program\'s output goes [default: auto]' -r -f -a "auto\t''
inherit\t''
capture\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l listen -d 'Sockets that hotrun opens and hands to the program' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l ready -d 'When a process counts as ready [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l ready-timeout -d 'How long to wait until it is ready [default: 30s]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l update -d 'How a new build reaches the process [default: restart]' -r -f -a "restart\t''
overlap\t''
manual\t''
reexec\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l on-start-failure -d 'What to do when a new build cannot start [default: auto]' -r -f -a "auto\t''
rollback\t''
wait\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l on-exit -d 'What to do when the program ends by itself [default: wait]' -r -f -a "wait\t''
restart\t''
exit\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l stop-signal -d 'First signal of a stop: a name or a number [default: SIGTERM]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l stop-timeout -d 'How long a stop may take before SIGKILL [default: 5s]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l events -d 'Append machine-readable events to a file, one JSON object per line' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l log -d 'Write hotrun\'s own lines and diagnostics to a file as well' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s s -l service -d 'Run only these services, and those they need' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l config-file -d 'Read this file instead of the package\'s `hotrun.toml`' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l all-features -d 'Activate all available features'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l no-default-features -d 'Do not activate the `default` feature'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s r -l release -d 'Build in release mode, with optimizations'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l keep-going -d 'Do not abort the build as soon as there is an error'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l timings -d 'Output a build timing report at the end of each build'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l ignore-rust-version -d 'Ignore `rust-version` specification in packages'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l locked -d 'Assert that `Cargo.lock` will remain unchanged'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l offline -d 'Run without accessing the network'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l frozen -d 'Equivalent to specifying both --locked and --offline'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l share-build-dir -d 'Keep intermediates in the project\'s own build directory'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s c -l clear -d 'Clear the screen when there is something new to show'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s N -l notify -d 'Notify through the terminal (OSC 9, or its bell) when a build fails or recovers'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l once -d 'Build, publish and run once, without watching'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s q -l quiet -d 'Show errors and warnings only'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s v -l verbose -d 'Show more: what is watched, and of each change that does not count why'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -l schema -d 'Print the JSON Schema of `hotrun.toml` instead, for editors'
complete -c hotrun -n "__fish_hotrun_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s p -l package -d 'Package with the program to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l bin -d 'Name of the binary to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l example -d 'Name of the example to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s F -l features -d 'Space or comma separated list of features to activate' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l profile -d 'Build with the named profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l target -d 'Build for the target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l target-dir -d 'Directory for all generated artifacts' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s j -l jobs -d 'Number of parallel jobs, defaults to the number of CPUs' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l manifest-path -d 'Path to Cargo.toml' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l config -d 'Override a cargo configuration value' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s Z -d 'Unstable (nightly-only) flags to cargo, see `cargo -Z help`' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s w -l watch -d 'Files or folders the program reads when it runs: a change restarts it' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s i -l ignore -d 'Gitignore-style patterns of what never counts as a change; they win over everything' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l debounce -d 'Quiet time that ends a burst of edits [default: 50ms]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l poll -d 'Look at files instead of relying on events: `auto`, `always`, `never` or an interval [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s E -l env -d 'Environment variables for the program only' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l env-file -d 'Files of environment variables for the program; an edit restarts without a build' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l stdin -d 'What the program gets as its stdin [default: lend]' -r -f -a "lend\t''
null\t''
inherit\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l output -d 'Where the program\'s output goes [default: auto]' -r -f -a "auto\t''
inherit\t''
capture\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l listen -d 'Sockets that hotrun opens and hands to the program' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l ready -d 'When a process counts as ready [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l ready-timeout -d 'How long to wait until it is ready [default: 30s]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l update -d 'How a new build reaches the process [default: restart]' -r -f -a "restart\t''
overlap\t''
manual\t''
reexec\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l on-start-failure -d 'What to do when a new build cannot start [default: auto]' -r -f -a "auto\t''
rollback\t''
wait\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l on-exit -d 'What to do when the program ends by itself [default: wait]' -r -f -a "wait\t''
restart\t''
exit\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l stop-signal -d 'First signal of a stop: a name or a number [default: SIGTERM]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l stop-timeout -d 'How long a stop may take before SIGKILL [default: 5s]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l events -d 'Append machine-readable events to a file, one JSON object per line' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l log -d 'Write hotrun\'s own lines and diagnostics to a file as well' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s s -l service -d 'Run only these services, and those they need' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l config-file -d 'Read this file instead of the package\'s `hotrun.toml`' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l timeout -d 'Wait no longer than this (`20s`, `1m 30s`); then the exit status is 124' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l all-features -d 'Activate all available features'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l no-default-features -d 'Do not activate the `default` feature'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s r -l release -d 'Build in release mode, with optimizations'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l keep-going -d 'Do not abort the build as soon as there is an error'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l timings -d 'Output a build timing report at the end of each build'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l ignore-rust-version -d 'Ignore `rust-version` specification in packages'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l locked -d 'Assert that `Cargo.lock` will remain unchanged'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l offline -d 'Run without accessing the network'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l frozen -d 'Equivalent to specifying both --locked and --offline'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l share-build-dir -d 'Keep intermediates in the project\'s own build directory'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s c -l clear -d 'Clear the screen when there is something new to show'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s N -l notify -d 'Notify through the terminal (OSC 9, or its bell) when a build fails or recovers'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l once -d 'Build, publish and run once, without watching'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s q -l quiet -d 'Show errors and warnings only'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s v -l verbose -d 'Show more: what is watched, and of each change that does not count why'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -l json -d 'Print the answer as one JSON object'
complete -c hotrun -n "__fish_hotrun_using_subcommand up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -s p -l package -d 'The one that runs a program of this package' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -l bin -d 'The one that runs this binary' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -l example -d 'The one that runs this example' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -l profile -d 'The one that builds with this profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -l target -d 'The one that builds for this target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -l target-dir -d 'The one that builds in this target directory' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -l manifest-path -d 'The one of the package or workspace of this Cargo.toml, instead of the current folder\'s' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -s r -l release -d 'The one that builds in release mode'
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -l json -d 'Print the answer as one JSON object'
complete -c hotrun -n "__fish_hotrun_using_subcommand status" -s h -l help -d 'Print help'
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -s p -l package -d 'The one that runs a program of this package' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -l bin -d 'The one that runs this binary' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -l example -d 'The one that runs this example' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -l profile -d 'The one that builds with this profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -l target -d 'The one that builds for this target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -l target-dir -d 'The one that builds in this target directory' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -l manifest-path -d 'The one of the package or workspace of this Cargo.toml, instead of the current folder\'s' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -l timeout -d 'Wait no longer than this (`20s`, `1m 30s`); then the exit status is 124' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -s r -l release -d 'The one that builds in release mode'
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -l json -d 'Print the answer as one JSON object'
complete -c hotrun -n "__fish_hotrun_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -s p -l package -d 'The one that runs a program of this package' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -l bin -d 'The one that runs this binary' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -l example -d 'The one that runs this example' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -l profile -d 'The one that builds with this profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -l target -d 'The one that builds for this target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -l target-dir -d 'The one that builds in this target directory' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -l manifest-path -d 'The one of the package or workspace of this Cargo.toml, instead of the current folder\'s' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -s n -l lines -d 'How many of the last lines' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -s r -l release -d 'The one that builds in release mode'
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -s f -l follow -d 'Print what is written from now on too, until hotrun ends'
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -l json -d 'Print each line as a JSON object'
complete -c hotrun -n "__fish_hotrun_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -s p -l package -d 'The one that runs a program of this package' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -l bin -d 'The one that runs this binary' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -l example -d 'The one that runs this example' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -l profile -d 'The one that builds with this profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -l target -d 'The one that builds for this target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -l target-dir -d 'The one that builds in this target directory' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -l manifest-path -d 'The one of the package or workspace of this Cargo.toml, instead of the current folder\'s' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -s r -l release -d 'The one that builds in release mode'
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -l json -d 'Print the answer as one JSON object'
complete -c hotrun -n "__fish_hotrun_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -s p -l package -d 'The one that runs a program of this package' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -l bin -d 'The one that runs this binary' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -l example -d 'The one that runs this example' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -l profile -d 'The one that builds with this profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -l target -d 'The one that builds for this target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -l target-dir -d 'The one that builds in this target directory' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -l manifest-path -d 'The one of the package or workspace of this Cargo.toml, instead of the current folder\'s' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -s r -l release -d 'The one that builds in release mode'
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -l json -d 'Print the answer as one JSON object'
complete -c hotrun -n "__fish_hotrun_using_subcommand start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -s p -l package -d 'The one that runs a program of this package' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -l bin -d 'The one that runs this binary' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -l example -d 'The one that runs this example' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -l profile -d 'The one that builds with this profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -l target -d 'The one that builds for this target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -l target-dir -d 'The one that builds in this target directory' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -l manifest-path -d 'The one of the package or workspace of this Cargo.toml, instead of the current folder\'s' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -s r -l release -d 'The one that builds in release mode'
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -l json -d 'Print the answer as one JSON object'
complete -c hotrun -n "__fish_hotrun_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_using_subcommand init" -s p -l package -d 'Package with the program to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand init" -l bin -d 'Name of the binary to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand init" -l example -d 'Name of the example to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand init" -l manifest-path -d 'Path to Cargo.toml' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand init" -s h -l help -d 'Print help'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s p -l package -d 'Package with the program to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l bin -d 'Name of the binary to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l example -d 'Name of the example to run' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s F -l features -d 'Space or comma separated list of features to activate' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l profile -d 'Build with the named profile' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l target -d 'Build for the target triple' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l target-dir -d 'Directory for all generated artifacts' -r -f -a "(__fish_complete_directories)"
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s j -l jobs -d 'Number of parallel jobs, defaults to the number of CPUs' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l manifest-path -d 'Path to Cargo.toml' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l config -d 'Override a cargo configuration value' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s Z -d 'Unstable (nightly-only) flags to cargo, see `cargo -Z help`' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s w -l watch -d 'Files or folders the program reads when it runs: a change restarts it' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s i -l ignore -d 'Gitignore-style patterns of what never counts as a change; they win over everything' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l debounce -d 'Quiet time that ends a burst of edits [default: 50ms]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l poll -d 'Look at files instead of relying on events: `auto`, `always`, `never` or an interval [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s E -l env -d 'Environment variables for the program only' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l env-file -d 'Files of environment variables for the program; an edit restarts without a build' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l stdin -d 'What the program gets as its stdin [default: lend]' -r -f -a "lend\t''
null\t''
inherit\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l output -d 'Where the program\'s output goes [default: auto]' -r -f -a "auto\t''
inherit\t''
capture\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l listen -d 'Sockets that hotrun opens and hands to the program' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l ready -d 'When a process counts as ready [default: auto]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l ready-timeout -d 'How long to wait until it is ready [default: 30s]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l update -d 'How a new build reaches the process [default: restart]' -r -f -a "restart\t''
overlap\t''
manual\t''
reexec\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l on-start-failure -d 'What to do when a new build cannot start [default: auto]' -r -f -a "auto\t''
rollback\t''
wait\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l on-exit -d 'What to do when the program ends by itself [default: wait]' -r -f -a "wait\t''
restart\t''
exit\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l stop-signal -d 'First signal of a stop: a name or a number [default: SIGTERM]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l stop-timeout -d 'How long a stop may take before SIGKILL [default: 5s]' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l events -d 'Append machine-readable events to a file, one JSON object per line' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l log -d 'Write hotrun\'s own lines and diagnostics to a file as well' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s s -l service -d 'Run only these services, and those they need' -r
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l color -d 'When to use colours [default: auto]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l config-file -d 'Read this file instead of the package\'s `hotrun.toml`' -r -F
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l all-features -d 'Activate all available features'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l no-default-features -d 'Do not activate the `default` feature'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s r -l release -d 'Build in release mode, with optimizations'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l keep-going -d 'Do not abort the build as soon as there is an error'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l timings -d 'Output a build timing report at the end of each build'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l ignore-rust-version -d 'Ignore `rust-version` specification in packages'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l locked -d 'Assert that `Cargo.lock` will remain unchanged'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l offline -d 'Run without accessing the network'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l frozen -d 'Equivalent to specifying both --locked and --offline'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l share-build-dir -d 'Keep intermediates in the project\'s own build directory'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s c -l clear -d 'Clear the screen when there is something new to show'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s N -l notify -d 'Notify through the terminal (OSC 9, or its bell) when a build fails or recovers'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l once -d 'Build, publish and run once, without watching'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s q -l quiet -d 'Show errors and warnings only'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s v -l verbose -d 'Show more: what is watched, and of each change that does not count why'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -l json -d 'Print for machines: one JSON document'
complete -c hotrun -n "__fish_hotrun_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hotrun -n "__fish_hotrun_using_subcommand completions" -s h -l help -d 'Print help'
complete -c hotrun -n "__fish_hotrun_using_subcommand man" -s h -l help -d 'Print help'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "run" -d 'Build, run and follow edits (the default)'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "config" -d 'Print every setting in force and where it comes from'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "up" -d 'Start hotrun in the background unless it runs here, then wait as `wait` does'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "status" -d 'Say what the hotrun of this project is doing'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "wait" -d 'Wait until everything saved is running, or print the errors'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "logs" -d 'Print what the program wrote last, also after a crash'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "restart" -d 'Build if anything changed, then restart (the key `r`)'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "start" -d 'Start services that are down, and those that they come after'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "stop" -d 'Stop the program and hotrun (the key `q`), or only the services that are named'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "init" -d 'Write a commented `hotrun.toml` for the project, never over an existing one'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "doctor" -d 'Look for what would keep hotrun from working well here, and say what to do about it'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "man" -d 'Print the manual page'
complete -c hotrun -n "__fish_hotrun_using_subcommand help; and not __fish_seen_subcommand_from run config up status wait logs restart start stop init doctor completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hotrun -n "__fish_hotrun_using_subcommand completions" -f -a "bash elvish fish powershell zsh"
