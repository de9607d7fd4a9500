/**
 * The settings with which npm reaches its registry on this machine (proxies, certificates), which test clusters do
 * not pass on.
 */
export const npmEnvironment: Readonly<Record<string, string>> = {
  NODE_DISABLE_COMPILE_CACHE: '1',
  ...Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && /proxy$|^npm_config_|^NODE_EXTRA_CA_CERTS$|^SSL_CERT/i.test(name)
        ? [[name, value]]
        : [],
    ),
  ),
};
