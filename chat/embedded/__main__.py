import sys

from chat.embedded.supervisor import main

if __name__ == "__main__":
    sys.exit(main())
