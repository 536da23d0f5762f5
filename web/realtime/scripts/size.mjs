/** How large the core and the hooks are in a page, without React and the Socket.IO client: fails above the bound. */
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const MOST_BYTES = 25_000;

const built = await build({
  configFile: false,
  logLevel: 'warn',
  build: {
    write: false,
    minify: 'oxc',
    lib: { entry: 'src/react/index.ts', formats: ['es'] },
    rolldownOptions: { external: ['react', 'react/jsx-runtime', 'socket.io-client'] },
  },
});
const bytes = [built]
  .flat()
  .flatMap(({ output }) => output)
  .reduce((sum, chunk) => sum + (chunk.type === 'chunk' ? gzipSync(chunk.code).length : 0), 0);
console.log(`core and hooks, gzipped: ${bytes} bytes of at most ${MOST_BYTES}`);
if (bytes > MOST_BYTES) process.exit(1);
