/** A button that counts how often it was clicked. */
export function createCounter(): HTMLButtonElement {
  const button = document.createElement('button')
  let count = 0
  const show = () => {
    button.textContent = `Clicked ${count} times`
  }
  button.type = 'button'
  button.addEventListener('click', () => {
    count += 1
    show()
  })
  show()
  return button
}
