import { modelTest, storeConformance } from '@tidemark/testkit'
import { createMemoryBack } from '../../src/index.ts'

storeConformance('memory', ({ clock }) => createMemoryBack({ clock }))

modelTest('memory', { open: () => createMemoryBack() })
