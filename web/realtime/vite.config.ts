import { defineConfig } from 'vitest/config';

export default defineConfig({
  build: {
    lib: {
      entry: { core: 'src/core/index.ts', react: 'src/react/index.ts', components: 'src/components/index.ts' },
      formats: ['es'],
    },
    // What a page has anyway, or shares with others, is not in it.
    rolldownOptions: { external: /^(react|@mantine|@tabler|i18next|motion|socket\.io-client|idb)/ },
    cssFileName: 'realtime',
    minify: false,
    sourcemap: true,
  },
  test: { environment: 'jsdom', typecheck: { include: ['test/**/*.test-d.ts'] } },
});
