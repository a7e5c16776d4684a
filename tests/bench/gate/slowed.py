"""The registry's application with needless work before each answer."""

from registry.asgi import App, Receive, Scope
from registry.http.sending import Send


class Slowed(App):
    """Looks at every header once more than it has to."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(3):
            sum(len(name) + len(value) for name, value in scope["headers"])
        await super().__call__(scope, receive, send)
