/** A value that a driver binds to a placeholder. */
export type Parameter = string | number | null;

/** Names and types of the columns of a table that is passed as a parameter. */
export type TableColumns = Readonly<Record<string, 'integer' | 'real' | 'text'>>;

/** A piece of a statement whose text depends on the engine. */
export type DialectPiece =
  /** A table of the values in `rows`, passed as one parameter; its columns have these names and types. */
  | {
      readonly kind: 'table';
      readonly columns: TableColumns;
      readonly rows: readonly (readonly Parameter[])[];
    }
  /** The values as a subquery for `IN`, passed as one parameter. */
  | { readonly kind: 'list'; readonly values: readonly Parameter[] }
  /** The number or the text at `path` in a column of JSON text; NULL where there is none. */
  | {
      readonly kind: 'json number' | 'json text';
      readonly column: string;
      readonly path: readonly string[];
    }
  /** A JSON array of the column in all rows of a group. */
  | { readonly kind: 'json array'; readonly column: string };

type SqlPiece = Parameter | Sql | DialectPiece;

/**
 * A statement or a fragment of one, as data. Only functions of this file make one, from templates and names of the program;
 * so its text never comes from outside.
 */
export interface Sql {
  /** One more than there are pieces, which go between them. */
  readonly texts: readonly string[];
  readonly pieces: readonly SqlPiece[];
}

/** Values in the template become parameters; fragments and pieces of the dialect become text. */
export function sql(texts: TemplateStringsArray, ...pieces: SqlPiece[]): Sql {
  return { texts, pieces };
}

/** For `FROM`: `tableOf({ id: 'integer' }, [[1], [2]])`. All rows in one parameter are many times faster than value lists. */
export function tableOf(columns: TableColumns, rows: readonly (readonly Parameter[])[]): DialectPiece {
  return { kind: 'table', columns, rows };
}

/** For `IN`. */
export function listOf(values: readonly Parameter[]): DialectPiece {
  return { kind: 'list', values };
}

export function jsonNumber(column: string, ...path: string[]): DialectPiece {
  return { kind: 'json number', column, path };
}

export function jsonText(column: string, ...path: string[]): DialectPiece {
  return { kind: 'json text', column, path };
}

/**
 * The values of these columns in all rows as JSON text: an object with an array for each column, in the same order. Reading
 * many rows in this form is several times as fast as row by row.
 */
export function jsonColumns(...names: readonly string[]): Sql {
  const [first = '', ...others] = names.map((name) => `"${name}":`);
  return {
    texts: [`'{${first}' || `, ...others.map((name) => ` || ',${name}' || `), ` || '}'`],
    pieces: names.map((name) => ({ kind: 'json array', column: `"${name}"` })),
  };
}

/** For `SET`: `name = value, …`; the names are columns. */
export function assignments(changes: Readonly<Record<string, Parameter>>): Sql {
  const [first = '', ...others] = Object.keys(changes).map((name) => `${name} = `);
  return { texts: [first, ...others.map((text) => `, ${text}`), ''], pieces: Object.values(changes) };
}

/** The parts of a statement that SQL dialects write differently. */
export interface Dialect {
  /** `position` counts from 1. */
  placeholder(position: number): string;
  table(placeholder: string, columns: TableColumns): string;
  list(placeholder: string): string;
  jsonNumber(column: string, path: readonly string[]): string;
  jsonText(column: string, path: readonly string[]): string;
  jsonArray(column: string): string;
}

export interface CompiledSql {
  readonly text: string;
  readonly parameters: readonly Parameter[];
}

export function isParameter(piece: SqlPiece): piece is Parameter {
  return typeof piece !== 'object' || piece === null;
}

/** Compiles a statement for one engine. Statements with the same fragments have the same text. */
export function compile(statement: Sql, dialect: Dialect): CompiledSql {
  const parameters: Parameter[] = [];
  const bind = (value: Parameter) => dialect.placeholder(parameters.push(value));
  const textOf = ({ texts, pieces }: Sql): string => {
    let text = '';
    for (let at = 0; at < texts.length; at += 1) {
      const piece = pieces[at];
      text += texts[at] ?? '';
      if (piece !== undefined) {
        text += isParameter(piece) ? bind(piece) : expand(piece);
      }
    }
    return text;
  };
  const expand = (piece: Sql | DialectPiece): string => {
    if (!('kind' in piece)) {
      return textOf(piece);
    }
    switch (piece.kind) {
      case 'table':
        return dialect.table(bind(JSON.stringify(piece.rows)), piece.columns);
      case 'list':
        return dialect.list(bind(JSON.stringify(piece.values)));
      case 'json number':
        return dialect.jsonNumber(piece.column, piece.path);
      case 'json text':
        return dialect.jsonText(piece.column, piece.path);
      case 'json array':
        return dialect.jsonArray(piece.column);
    }
  };
  return { text: textOf(statement), parameters };
}
