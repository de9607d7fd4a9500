/** The place of an atom on an imaginary slave. */
export const ranIn = { project_directory: '/project', executor_index: 0 };
