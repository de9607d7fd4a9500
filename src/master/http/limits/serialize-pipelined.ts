import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/** No client that is known sends requests ahead. */
const MOST_WAITING = 10;

/**
 * Answers the requests of a connection one after another. Node begins with those that were sent ahead (pipelining, RFC
 * 9112, section 9.3.2) while the first is still being answered, and never tells them when the connection breaks: what
 * they hold, such as a file, would stay open for ever.
 */
export function serializePipelined(listener: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, (() => void)[]>();
  return (request, response) => {
    const { socket } = request;
    const begin = () => {
      response.once('close', goOn);
      listener(request, response);
    };
    const goOn = () => {
      const next = socket.destroyed ? undefined : waiting.get(socket)?.shift();
      if (next === undefined) {
        waiting.delete(socket);
      } else {
        next();
      }
    };
    const others = waiting.get(socket);
    if (others === undefined) {
      waiting.set(socket, []);
      begin();
    } else if (others.length < MOST_WAITING) {
      others.push(begin);
    } else {
      // The answers before it are not sent yet, so there is no place for one that would say why.
      socket.destroy();
    }
  };
}
