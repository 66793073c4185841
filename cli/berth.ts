#!/usr/bin/env node
import { run } from './program'

// The process ends by its code and not by an empty event loop: a stdin that nobody ends must not hold it.
void run(process.argv.slice(2)).then((code) => process.exit(code))
