# One request to the server: sent so that Ctrl-C is heard, retried where that is safe, and answered with
# objects or one error record. Nothing in here throws: an exception that is caught on the way would still stand
# in $Error and in -ErrorVariable beside the error that is reported.

# The longest that a Retry-After is waited for, in seconds.
$script:LongestWait = 60
# How often a busy server is asked again.
$script:Retries = 4
# PowerShell makes times of texts that look like one, policies' names too; from 7.5 on it need not.
$script:JsonOptions = @{}
if ((Get-Command ConvertFrom-Json).Parameters.ContainsKey('DateKind')) { $script:JsonOptions.DateKind = 'String' }

# @{ Value; Error }: what was answered, or why it was not.
function Send-PosternRequest {
    param($Cmdlet, $Connection, [string]$Method, [string]$Path, [string]$Body, $Target, [int]$Milliseconds = 0)
    for ($try = 0; ; $try++) {
        $answer = Send-PosternOnce -Connection $Connection -Method $Method -Path $Path -Body $Body -Milliseconds $Milliseconds
        if ($answer.Failure) {
            $failed = New-PosternConnectionError -Base $Connection.Base -Failure $answer.Failure
            return @{ Value = $null; Error = $failed }
        }
        # Both say that nothing was done, so that a change may be sent again too. A 503 without a time does not.
        $isBusy = $answer.Status -eq 429 -or ($answer.Status -eq 503 -and $null -ne $answer.RetryAfter)
        $wait = if ($null -ne $answer.RetryAfter) { $answer.RetryAfter } else { [math]::Pow(2, $try) }
        if (-not $isBusy -or $try -ge $script:Retries -or $wait -gt $script:LongestWait -or $Milliseconds) { break }
        $Cmdlet.WriteVerbose(('The server is busy ({0}); trying again in {1} s.' -f $answer.Status, $wait))
        Wait-PosternSeconds -Cmdlet $Cmdlet -Seconds $wait
    }
    $value = ConvertFrom-PosternJson -Answer $answer
    if ($answer.Status -ge 200 -and $answer.Status -lt 300 -and $null -ne $value) { return @{ Value = $value; Error = $null } }
    @{ Value = $null; Error = New-PosternServerError -Base $Connection.Base -Answer $answer -Value $value -Target $Target }
}

function Send-PosternOnce {
    param($Connection, [string]$Method, [string]$Path, [string]$Body, [int]$Milliseconds)
    $request = [System.Net.Http.HttpRequestMessage]::new($Method, $Connection.Base + $Path)
    # No variable ever holds the token.
    $request.Headers.Authorization = [System.Net.Http.Headers.AuthenticationHeaderValue]::new(
        'Bearer', $Connection.Credential.GetNetworkCredential().Password)
    $null = $request.Headers.TryAddWithoutValidation('Prefer', 'odata.maxpagesize=1000')
    if ($Body) {
        $request.Content = [System.Net.Http.StringContent]::new($Body, [System.Text.Encoding]::UTF8, 'application/json')
    }
    $cancel = [System.Threading.CancellationTokenSource]::new()
    if ($Milliseconds) { $cancel.CancelAfter($Milliseconds) }
    try {
        $sending = $Connection.Client.SendAsync($request, $cancel.Token)
        # In steps, so that Ctrl-C ends the wait.
        while (-not $sending.AsyncWaitHandle.WaitOne(100)) { }
        if ($sending.IsFaulted) { return @{ Failure = $sending.Exception.GetBaseException() } }
        if ($sending.IsCanceled) { return @{ Failure = [System.TimeoutException]::new('no answer in time') } }
        $response = $sending.Result
        $reading = $response.Content.ReadAsByteArrayAsync()
        while (-not $reading.AsyncWaitHandle.WaitOne(100)) { }
        if ($reading.IsFaulted) { return @{ Failure = $reading.Exception.GetBaseException() } }
        $retry = $response.Headers.RetryAfter
        $location = $response.Headers.Location
        @{
            Failure    = $null
            Status     = [int]$response.StatusCode
            Text       = [System.Text.Encoding]::UTF8.GetString($reading.Result)
            Location   = if ($location) { $location.ToString() }
            RetryAfter = if ($null -eq $retry) { $null } elseif ($retry.Delta) { [math]::Max(0, $retry.Delta.TotalSeconds) }
                elseif ($retry.Date) { [math]::Max(0, ($retry.Date - [datetimeoffset]::UtcNow).TotalSeconds) }
        }
    } finally {
        # After Ctrl-C the server is not kept waiting; what it has begun it finishes.
        $cancel.Cancel()
        $request.Dispose()
    }
}

function Wait-PosternSeconds {
    param($Cmdlet, [double]$Seconds)
    $until = [datetime]::UtcNow.AddSeconds($Seconds)
    $record = [System.Management.Automation.ProgressRecord]::new(1, 'Postern', 'The server is busy')
    while (($left = ($until - [datetime]::UtcNow).TotalSeconds) -gt 0) {
        if ($Seconds -gt 1) {
            $record.SecondsRemaining = [int][math]::Ceiling($left)
            $Cmdlet.WriteProgress($record)
        }
        [System.Threading.Thread]::Sleep([int][math]::Min(100, $left * 1000))
    }
    if ($Seconds -gt 1) {
        $record.RecordType = 'Completed'
        $Cmdlet.WriteProgress($record)
    }
}

# The answer as objects; null where it is no JSON object, as of a proxy that says no.
function ConvertFrom-PosternJson {
    param($Answer)
    $text = $Answer.Text.Trim()
    if (-not ($text.StartsWith('{') -and $text.EndsWith('}'))) { return $null }
    $options = $script:JsonOptions
    ConvertFrom-Json -InputObject $text @options
}

# An error record with an exception type that can be caught.
function New-PosternErrorRecord {
    param([string]$Id, [System.Management.Automation.ErrorCategory]$Category, [string]$Message, $Target)
    $exception = switch ($Category) {
        'ObjectNotFound' { [System.Management.Automation.ItemNotFoundException]::new($Message); break }
        'PermissionDenied' { [System.UnauthorizedAccessException]::new($Message); break }
        'AuthenticationError' { [System.Security.Authentication.AuthenticationException]::new($Message); break }
        'InvalidArgument' { [System.ArgumentException]::new($Message); break }
        'ConnectionError' { [System.Net.Http.HttpRequestException]::new($Message); break }
        default { [System.InvalidOperationException]::new($Message) }
    }
    [System.Management.Automation.ErrorRecord]::new($exception, $Id, $Category, $Target)
}

# What the server said, in its own words.
function New-PosternServerError {
    param([string]$Base, $Answer, $Value, $Target)
    $status = $Answer.Status
    if ($status -ge 300 -and $status -lt 400 -and $Answer.Location) {
        return New-PosternErrorRecord -Id 'Redirected' -Category ConnectionError -Target $Base -Message (
            "$Base redirects to $($Answer.Location); connect to that address.")
    }
    $code = $message = $type = $named = $null
    if ($null -ne $Value -and $Value.PSObject.Properties['error'] -and $Value.error -isnot [string]) {
        $code = $Value.error.code
        $message = $Value.error.message
        $named = @($Value.error.details)[0].target
        $type = $Value.error.innererror.type
    } elseif ($null -ne $Value -and $Value.PSObject.Properties['detail']) {
        $message = $Value.detail
    }
    if (-not $message -and $status -in 429, 500, 502, 503, 504) {
        $when = if ($Answer.RetryAfter) { ' in {0} s' -f [int]$Answer.RetryAfter }
        $message = if ($status -in 429, 503) { "$Base is not available now ($status). Try again$when." }
            else { "$Base answered $status; see whether it was carried out before you try again." }
    }
    if (-not $message -and $status -ne 401) {
        return New-PosternErrorRecord -Id 'InvalidResponse' -Category ConnectionError -Target $Base -Message (
            "$Base answered $status, but not as Postern does. Check that this is the portal's address, and what stands before it.")
    }
    if (-not $message) { $message = 'The token is missing, unknown, revoked or expired.' }
    if (-not $code) { $code = "Http$status" }
    if ($null -eq $Target -or $Target -eq '') { $Target = $named }
    $category = switch ($status) {
        401 { 'AuthenticationError' }
        403 { 'PermissionDenied' }
        404 { 'ObjectNotFound' }
        429 { 'LimitsExceeded' }
        { $_ -ge 500 } { 'ResourceUnavailable' }
        default { if ($type -like '*AlreadyExists*') { 'ResourceExists' } else { 'InvalidArgument' } }
    }
    New-PosternErrorRecord -Id $code -Category $category -Message $message -Target $Target
}

# Nobody answered: where, why, and what to look at.
function New-PosternConnectionError {
    param([string]$Base, [System.Exception]$Failure)
    $check = "that Postern runs there ('systemctl status postern'), the port, and firewalls on the way"
    $why = $Failure.Message -replace '\s*\([^()]*\)\s*$', ''
    if ($Failure -is [System.Net.Sockets.SocketException] -and $Failure.SocketErrorCode -eq 'ConnectionRefused') {
        $why = 'Connection refused'
    } elseif ($why -match 'not known|No such host|could not be resolved') {
        $check = 'the spelling of the address, and DNS'
    } elseif ($Failure -is [System.Security.Authentication.AuthenticationException]) {
        $check = 'the certificate: its name, its issuer and until when it is valid'
    }
    New-PosternErrorRecord -Id 'ConnectionFailed' -Category ConnectionError -Target $Base -Message (
        '{0}: {1}. Check {2}.' -f $Base, $why.TrimEnd('.'), $check)
}

# Ends the pipeline of the cmdlet that was called.
function Stop-PosternCall {
    param($Cmdlet, [System.Management.Automation.ErrorRecord]$ErrorRecord)
    $Cmdlet.ThrowTerminatingError($ErrorRecord)
}
