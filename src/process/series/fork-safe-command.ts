/*
 * Starting a bash costs more than twice as much as forking a running one. Most jobs are a line or two like
 *
 *   cd "$PROJECT_DIR" && npx mocha "$TEST_FILE"
 *
 * which a fork runs exactly like a new bash. Everything that can tell the two apart is refused here: the shell's own variables
 * (`$$`, `$PPID`, `$LINENO`, …), builtins that show or change its state, sourcing, substitutions, compound commands, jobs.
 * For these a new bash is started. One difference remains: in a fork, bash also prints a message when a signal has ended the
 * last program. The setting `reuse_shells` turns all of this off.
 */

/** Reserved words of bash 5.2, and its builtins except those that behave the same in a fork. */
const SHELL_WORDS = new Set(
  (
    '. alias bg bind break builtin caller command compgen complete compopt continue coproc declare dirs disown enable ' +
    'eval exec exit export fc fg getopts hash help history jobs kill let local logout mapfile popd pushd read ' +
    'readarray readonly return set shift shopt source suspend times trap type typeset ulimit umask unalias unset wait ' +
    'case do done elif else esac fi for function if in select then time until while'
  ).split(' '),
);

/** Variables that the shell sets itself, and that differ between a fork and a new bash. */
const SHELL_VARIABLES =
  /^(?:_|BASH.*|_cr_.*|PPID|SHLVL|S?RANDOM|SECONDS|LINENO|FUNCNAME|DIRSTACK|PIPESTATUS|HIST.*|SHELLOPTS|OPT.*|IFS|COMP_.*)$/;

const VARIABLE = '\\$[A-Za-z_]\\w*(?!\\w)';
const IN_DOUBLE_QUOTES = `"(?:[\\w ./=:,@%+*?~#;&|<>()[\\]-]|${VARIABLE})*"`;
const IN_SINGLE_QUOTES = "'[^'\\\\\\n]*'";
const ARGUMENT = `(?:[\\w./=:,@%+*?~-]|${VARIABLE}|${IN_DOUBLE_QUOTES}|${IN_SINGLE_QUOTES})+`;
/** A name or a path. After a variable only a path is accepted: a name could expand to anything. */
const PROGRAM = `:|\\w[\\w./+-]*|\\.{0,2}/[\\w./+-]+|${VARIABLE}/[\\w./+-]+|"${VARIABLE}/[\\w./+-]+"|"${VARIABLE}"/[\\w./+-]+`;
const SIMPLE_COMMAND = new RegExp(`^(${PROGRAM})(?: +${ARGUMENT})* *$`);

/**
 * Whether a fork of a running bash behaves like a new bash that runs this shell text; false when in doubt. `text` is a list of
 * lines joined by `&&`, see shellText.
 */
export function isForkSafeCommand(text: string): boolean {
  return text.split(/ *&&\s*/).every((line) => {
    const program = SIMPLE_COMMAND.exec(line)?.[1];
    return program !== undefined && !SHELL_WORDS.has(program) && !readsShellState(program, line);
  });
}

/** `test` can read options and variables of the shell, `printf` the time of its start. */
function readsShellState(program: string, line: string): boolean {
  return (
    (program === 'test' && / -[oRv] /.test(`${line} `)) ||
    (program === 'printf' && line.includes('%(')) ||
    usesShellVariable(line)
  );
}

function usesShellVariable(line: string): boolean {
  const expanded = line.replaceAll(/'[^']*'/g, '');
  return [...expanded.matchAll(/\$(\w*)/g)].some(([, name = '']) => SHELL_VARIABLES.test(name));
}
