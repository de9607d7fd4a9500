/** The current value of a color of `theme.css`, such as `--good`, in the form `rgb(…)`, for drawing on a canvas. */
export function resolvedColor(name: `--${string}`): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
