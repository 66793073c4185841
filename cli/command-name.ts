/** How the user called this program, for hints: `berth`, or what started it says of itself (`npm start --`). */
export function commandName(): string {
  return process.env.BERTH_COMMAND || 'berth'
}
