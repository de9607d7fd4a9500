import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface GitServerOptions {
  /** `user:password` that every request needs. */
  readonly credentials?: string;
  /** The address of another host to which every request is redirected. */
  readonly redirectTo?: string;
  readonly onRequest?: (request: IncomingMessage) => void;
}

/** A host of git repositories (git's own `http-backend`) that counts its requests. */
export class GitServer {
  /** Requests since `forget`. */
  requests = 0;
  /** Bytes of response bodies. */
  bytes = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Serves the repositories in `directory`. */
  static async start(directory: string, options: GitServerOptions = {}): Promise<GitServer> {
    const server = createServer();
    const host = new GitServer(server);
    server.on('request', (request, response) => {
      options.onRequest?.(request);
      const { credentials, redirectTo } = options;
      const expected = `Basic ${Buffer.from(credentials ?? '').toString('base64')}`;
      if (credentials !== undefined && request.headers.authorization !== expected) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="repositories"' }).end();
      } else if (redirectTo !== undefined) {
        response.writeHead(302, { location: `${redirectTo}${request.url}` }).end();
      } else {
        host.#respond(directory, request, response);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return host;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') {
      throw new Error('The host of repositories does not listen.');
    }
    return `http://127.0.0.1:${address.port}`;
  }

  forget(): void {
    this.requests = 0;
    this.bytes = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #respond(directory: string, request: IncomingMessage, response: ServerResponse): void {
    this.requests += 1;
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://host');
    const backend = spawn('git', ['http-backend'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: directory,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
        REQUEST_METHOD: request.method ?? 'GET',
        PATH_INFO: pathname,
        QUERY_STRING: searchParams.toString(),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
      },
    });
    request.pipe(backend.stdin);
    // A client that hangs up early is no error.
    backend.stdin.on('error', () => backend.kill());
    let head: Buffer | null = Buffer.alloc(0);
    backend.stdout.on('data', (chunk: Buffer) => {
      if (head === null) {
        this.#send(response, chunk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end !== -1) {
        writeHead(response, head.subarray(0, end).toString());
        this.#send(response, head.subarray(end + 4));
        head = null;
      }
    });
    backend.stdout.on('end', () => response.end());
  }

  #send(response: ServerResponse, chunk: Buffer): void {
    this.bytes += chunk.length;
    response.write(chunk);
  }
}

function writeHead(response: ServerResponse, head: string): void {
  const headers = head.split('\r\n').map((line) => line.split(': '));
  for (const [name = '', value = ''] of headers) {
    if (name === 'Status') {
      response.statusCode = Number.parseInt(value, 10);
    } else {
      response.setHeader(name, value);
    }
  }
}
