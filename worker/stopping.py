"""Why a running job stops before its end; none of these is a failure of the job."""


class JobStopped(Exception):
    """The job must not go on in this process."""


class CancelRequested(JobStopped):
    """Someone cancelled the job."""


class ShuttingDown(JobStopped):
    """This worker was asked to stop; the job goes back to the queue."""


class LeaseLost(JobStopped):
    """The job belongs to another worker by now: nothing more may be written for it here."""
