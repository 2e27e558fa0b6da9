import { backConformance } from '@tidemark/testkit'
import { createMemoryBack } from '../../src/index.ts'

backConformance('memory', (context) => createMemoryBack(context), {
  syncLog: true,
  openCompacting: (context, maxLogChanges) => createMemoryBack({ ...context, maxLogChanges }),
})
