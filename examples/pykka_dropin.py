"""Does a program for Pykka run with agents instead? Yes: `Agent` in place of `ThreadingActor`, and nothing else."""

import pykka

from actors import Agent


class Library(Agent):  # was: class Library(pykka.ThreadingActor)
    def __init__(self) -> None:
        super().__init__()
        self.books: list[str] = []

    def on_receive(self, message: str) -> str:
        return f"no idea what {message!r} is about"

    def lend(self, title: str) -> str:
        self.books.remove(title)
        return title

    def give(self, title: str) -> int:
        self.books.append(title)
        return len(self.books)

    def on_stop(self) -> None:
        print("closed, with", self.books)


def main() -> None:
    ref = Library.start()
    print(ref.ask("tea"))

    library = ref.proxy()
    print(pykka.get_all([library.give("Emma"), library.give("Ulysses")]))
    print(library.lend("Emma").get(timeout=5), "is out")
    try:
        library.lend("Emma").get()
    except ValueError as error:
        print("not twice:", error)
    print("still there:", library.books.get())

    print("registered:", len(pykka.ActorRegistry.get_by_class(Library)))
    print(isinstance(ref, pykka.ActorRef), issubclass(Library, pykka.Actor))
    pykka.ActorRegistry.stop_all()
    try:
        ref.tell("more tea")
    except pykka.ActorDeadError:
        print("too late")


if __name__ == "__main__":
    main()
