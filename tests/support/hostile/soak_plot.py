"""The plot of a soak: the memory of the daemon by time, as SVG for light and dark backgrounds."""

from collections.abc import Sequence

WIDTH, HEIGHT = 860, 320
LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 60, 40, 770, 230
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .ground { fill: #ffffff }
.grid { stroke: #d0d7de; fill: none } .line { stroke: #d9480f; stroke-width: 2; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ground { fill: #0d1117 } .grid { stroke: #30363d } .line { stroke: #ff922b }
}
</style>"""


def plot_memory(points: Sequence[tuple[float, float]], title: str) -> str:
    """Return the plot of (seconds, MiB)."""
    end, top = max(seconds for seconds, _ in points), 20 * (1 + max(memory for _, memory in points) // 20)

    def x(seconds: float) -> float:
        return LEFT + PLOT_WIDTH * seconds / end

    def y(memory: float) -> float:
        return TOP + PLOT_HEIGHT * (1 - memory / top)

    parts = [f'<text x="{LEFT}" y="22">{title}</text>']
    for step in range(int(top) // 20 + 1):
        level = y(20 * step)
        parts.append(f'<path class="grid" d="M{LEFT} {level:.1f}h{PLOT_WIDTH}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{level + 4:.1f}" text-anchor="end">{20 * step}</text>')
    for tenth in range(0, 11, 2):
        at = end * tenth / 10
        parts.append(
            f'<text x="{x(at):.1f}" y="{TOP + PLOT_HEIGHT + 20}" text-anchor="middle">{at / 60:.0f} min</text>'
        )
    line = "L".join(f"{x(seconds):.1f} {y(memory):.1f}" for seconds, memory in points)
    parts.append(f'<path class="line" d="M{line}"/>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    ground = '<rect class="ground" width="100%" height="100%"/>'
    return "\n".join([head, STYLE, ground, *parts, "</svg>", ""])
