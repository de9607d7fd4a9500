/*
 * Starting a bash costs more than twice what forking one that runs already does. Most jobs are a line or two like
 *
 *   cd "$PROJECT_DIR" && npx mocha "$TEST_FILE"
 *
 * which a fork of a bash runs exactly as a new one would. What could tell the two apart is refused here: the shell's
 * own variables (`$$`, `$PPID`, `$LINENO`, …), builtins that show or change its state, sourcing, substitutions,
 * compound commands, jobs. For these a new bash is started. One difference is left: of a program that a signal has
 * ended bash says so, also of the last one.
 */

/** What is no program: bash's builtins but those that do the same in a fork, and its reserved words; version 5.2. */
const OF_THE_SHELL = new Set(
  (
    '. alias bg bind break builtin caller command compgen complete compopt continue coproc declare dirs disown enable ' +
    'eval exec exit export fc fg getopts hash help history jobs kill let local logout mapfile popd pushd read ' +
    'readarray readonly return set shift shopt source suspend times trap type typeset ulimit umask unalias unset wait ' +
    'case do done elif else esac fi for function if in select then time until while'
  ).split(' '),
);

/** Variables that the shell makes up itself, so that they differ between a fork and a new one. */
const MADE_UP =
  /^(?:_|BASH.*|_cr_.*|PPID|SHLVL|S?RANDOM|SECONDS|LINENO|FUNCNAME|DIRSTACK|PIPESTATUS|HIST.*|SHELLOPTS|OPT.*|IFS|COMP_.*)$/;

const VARIABLE = '\\$[A-Za-z_]\\w*(?!\\w)';
const IN_DOUBLE_QUOTES = `"(?:[\\w ./=:,@%+*?~#;&|<>()[\\]-]|${VARIABLE})*"`;
const IN_SINGLE_QUOTES = "'[^'\\\\\\n]*'";
const ARGUMENT = `(?:[\\w./=:,@%+*?~-]|${VARIABLE}|${IN_DOUBLE_QUOTES}|${IN_SINGLE_QUOTES})+`;
/** A name or a path. What begins with a variable must be a path: as a name it might expand to anything. */
const PROGRAM = `:|\\w[\\w./+-]*|\\.{0,2}/[\\w./+-]+|${VARIABLE}/[\\w./+-]+|"${VARIABLE}/[\\w./+-]+"|"${VARIABLE}"/[\\w./+-]+`;
const SIMPLE_COMMAND = new RegExp(`^(${PROGRAM})(?: +${ARGUMENT})* *$`);

/**
 * Whether a fork of a running bash cannot be told from a new bash that runs this shell text. When in doubt it says no.
 * `text` is a list of lines joined by `&&`, see shellText.
 */
export function isForkSafeCommand(text: string): boolean {
  return text.split(/ *&&\s*/).every((line) => {
    const program = SIMPLE_COMMAND.exec(line)?.[1];
    return program !== undefined && !OF_THE_SHELL.has(program) && !looksAtTheShell(program, line);
  });
}

/** `test` knows of options and variables of the shell, `printf` when it was started. */
function looksAtTheShell(program: string, line: string): boolean {
  return (
    (program === 'test' && / -[oRv] /.test(`${line} `)) ||
    (program === 'printf' && line.includes('%(')) ||
    usesMadeUpVariable(line)
  );
}

function usesMadeUpVariable(line: string): boolean {
  const expanded = line.replaceAll(/'[^']*'/g, '');
  return [...expanded.matchAll(/\$(\w*)/g)].some(([, name = '']) => MADE_UP.test(name));
}
