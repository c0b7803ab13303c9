"""Which faults are the tests to notice?"""

from tests.mutations import faults_ends, faults_messages, faults_supervision

FAULTS = (*faults_messages.FAULTS, *faults_supervision.FAULTS, *faults_ends.FAULTS)
