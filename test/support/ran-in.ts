/** Where a slave of no machine runs atoms. */
export const ranIn = { project_directory: '/project', executor_index: 0 };
