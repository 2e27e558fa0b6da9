import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = ['core', 'sqlite', 'redis', 'tiered', 'hooks', 'sinks', 'codecs', 'state', 'testkit', 'tidemark']

const sourceOf = (name: string): string => fileURLToPath(new URL(`packages/${name}/src/index.ts`, import.meta.url))

export default defineConfig({
  resolve: {
    // Tests run on sources, so that a stale build cannot make them pass. Child processes that tests start run on dist.
    alias: packages.map((name) => ({
      find: name === 'tidemark' ? /^tidemark$/ : new RegExp(`^@tidemark/${name}$`),
      replacement: sourceOf(name),
    })),
  },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'apps/*/test/**/*.test.ts',
      'bench/test/**/*.test.ts',
      'proof/test/**/*.test.ts',
      'scripts/test/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
